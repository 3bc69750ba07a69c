/** The few colours and signs that output uses, and their absence. Pure: whether a terminal has them is decided outside. */

type Paint = (text: string) => string;

export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly good: Paint;
  readonly bad: Paint;
  readonly warn: Paint;
  readonly accent: Paint;
  readonly signs: Signs;
}

export interface Signs {
  readonly done: string;
  readonly failed: string;
  readonly warning: string;
  readonly none: string;
  /** The moved part of a bar, its tip of half a cell, and the part to come. */
  readonly bar: { readonly full: string; readonly half: string; readonly rest: string };
}

const UNICODE: Signs = {
  done: "✓",
  failed: "✗",
  warning: "!",
  none: "–",
  bar: { full: "━", half: "╸", rest: "─" },
};

const ASCII: Signs = {
  done: "+",
  failed: "x",
  warning: "!",
  none: "-",
  bar: { full: "#", half: "-", rest: "." },
};

const plain: Paint = (text) => text;
const sgr =
  (open: number, close: number): Paint =>
  (text) =>
    text === "" ? "" : `\u001b[${open}m${text}\u001b[${close}m`;

/** What to paint and draw with. Empty text stays empty. */
export function createStyle(terminal: { readonly hasColour: boolean; readonly isAscii: boolean }): Style {
  const paint = (open: number, close: number): Paint => (terminal.hasColour ? sgr(open, close) : plain);
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    good: paint(32, 39),
    bad: paint(31, 39),
    warn: paint(33, 39),
    accent: paint(36, 39),
    signs: terminal.isAscii ? ASCII : UNICODE,
  };
}

/** No colour at all: pipes, files, `NO_COLOR`. */
export const plainStyle: Style = createStyle({ hasColour: false, isAscii: false });
