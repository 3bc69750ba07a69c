/** Writes rows as aligned columns. Pure. */
import { fitText, padText, textWidth } from "./text.ts";

export interface Column {
  /** Empty for a column that explains itself. */
  readonly title: string;
  /** @default "left" */
  readonly align?: "left" | "right";
  /** May be cut, down to this many columns of the terminal, when the table is too wide. @default never cut */
  readonly minWidth?: number;
}

export interface TableLayout {
  /** Columns of the terminal; null for a pipe, where nothing is ever cut. */
  readonly width: number | null;
  /** @default 0 */
  readonly indent?: number;
  /** How titles are painted. @default unpainted */
  readonly title?: (text: string) => string;
  /** How a cell is painted, after it was cut and padded. @default unpainted */
  readonly paint?: (text: string, row: number, column: number) => string;
}

const GAP = "  ";

/** One line a row under a line of titles (when there are any); no trailing spaces. Cells are bare text. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  layout: TableLayout,
): readonly string[] {
  const widths = columnWidths(columns, rows, layout);
  const paint = layout.paint ?? ((text: string) => text);
  const line = (cells: readonly string[], row: number): string =>
    joinCells(
      columns.map((column, index) => {
        const width = widths[index] ?? 0;
        const cell = padText(fitText(cells[index] ?? "", width), width, column.align);
        return row < 0 ? (layout.title ?? String)(cell) : paint(cell, row, index);
      }),
      layout.indent ?? 0,
    );
  const titles = columns.map(({ title }) => title);
  const head = titles.some((title) => title !== "") && rows.length > 0 ? [line(titles, -1)] : [];
  return [...head, ...rows.map(line)];
}

function joinCells(cells: readonly string[], indent: number): string {
  // A painted cell ends in an escape sequence: the padding before it goes as well, so that no line is longer than seen.
  const line = " ".repeat(indent) + cells.join(GAP);
  return line.replace(/(?: |\u001b\[[0-9;]*m)+$/, (tail) => tail.replaceAll(" ", ""));
}

/** The widest cell of each column; then the widest column that may be cut gives way, cell by cell. */
function columnWidths(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { width, indent = 0 }: TableLayout,
): readonly number[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(textWidth(title), ...rows.map((row) => textWidth(row[index] ?? ""))),
  );
  let excess = width === null ? 0 : sum(widths) + GAP.length * (columns.length - 1) + indent - width;
  while (excess > 0) {
    const widest = widestThatGives(columns, widths);
    if (widest === null) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

function widestThatGives(columns: readonly Column[], widths: readonly number[]): number | null {
  let widest: number | null = null;
  for (const [index, column] of columns.entries()) {
    const width = widths[index] ?? 0;
    if (column.minWidth === undefined || width <= column.minWidth) continue;
    if (widest === null || width > (widths[widest] ?? 0)) widest = index;
  }
  return widest;
}

/** All of them added up. */
export const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
