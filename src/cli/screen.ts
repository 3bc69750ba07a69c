/** Repaints a block of lines at the bottom of a terminal; lines that stay move up above it. */
import { textWidth } from "../report/text.ts";
import type { Output } from "./process.ts";

export interface Screen {
  /** Leaves `staying` behind for good, then shows `block` in the place of the one before. */
  readonly paint: (staying: readonly string[], block: readonly string[]) => void;
  /** Takes the block away and shows the cursor again. */
  readonly close: () => void;
}

const UP_AND_ERASE = "\u001b[1A\u001b[2K";

/** A block on `output`, which must be a terminal. */
export async function createScreen(output: Output): Promise<Screen> {
  // Imported here: the command line as one file is no ES module, and this package is nothing else.
  const { createLogUpdate } = await import("log-update");
  const log = createLogUpdate(output.stream);
  let shown: readonly string[] = [];
  output.onResize(() => {
    // A narrower terminal has wrapped what was painted for a wider one, which log-update cannot know.
    const wrapped = wrappedRows(shown, output.columns() ?? 80);
    log.clear();
    output.write(UP_AND_ERASE.repeat(wrapped));
    shown = [];
  });
  return {
    paint: (staying, block) => {
      // One by one: a text higher than the terminal would lose its beginning.
      for (const line of staying) log.persist(line);
      if (block.length > 0) log(block.join("\n"));
      else log.clear();
      shown = block;
    },
    close: () => {
      log.clear();
      log.done();
    },
  };
}

/** How many more rows `lines` take than there are lines. */
function wrappedRows(lines: readonly string[], columns: number): number {
  return lines.reduce((sum, line) => sum + Math.max(0, Math.ceil(textWidth(line) / Math.max(1, columns)) - 1), 0);
}
