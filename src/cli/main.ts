#!/usr/bin/env node
/** The entry of the command line: parse, dispatch, tell what went wrong, exit. */
import { createTerminal } from "./process.ts";
import { runCommandLine } from "./run.ts";

const terminal = createTerminal();
void runCommandLine(terminal).then(terminal.exit);
