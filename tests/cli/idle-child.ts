/** A process of its own with nothing left to do, which nobody told to end. */
import { createTerminal } from "../../src/cli/process.ts";

const terminal = createTerminal();
terminal.onCrash((error) => {
  terminal.stderr.write(String(error));
  void terminal.exit(1);
});
