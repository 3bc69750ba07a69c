/** What a command is to the frame: its words, its flags, what completes them, and the function that does it. */
import type { Clock } from "../base/clock.ts";
import type { Paper } from "../report/notices.ts";
import type { DocumentKind } from "../trust/binding.ts";
import type { Override } from "../workflow/workflow.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Terminal } from "./process.ts";

/** All flags of all commands: a name means the same wherever it is accepted. */
export interface Flags {
  readonly root?: string;
  readonly config?: string;
  readonly manifests?: readonly string[];
  readonly kits?: readonly string[];
  readonly json?: boolean;
  readonly quiet?: boolean;
  /** False with `--no-color`. */
  readonly color?: boolean;
  readonly kit?: readonly string[];
  readonly workflow?: readonly string[];
  /** Which of the choices that kits offer. */
  readonly variant?: string;
  /** File that lists the endpoints of a service. */
  readonly endpoints?: string;
  readonly markdown?: boolean;
  /** Of a derived kit. */
  readonly description?: string;
  readonly overwrite?: boolean;
  /** Bytes of a graphics card's memory. */
  readonly vram?: number;
  /** Values in place of those in the workflow. */
  readonly set?: readonly Override[];
  readonly dryRun?: boolean;
  readonly offline?: boolean;
  readonly frozen?: boolean;
  readonly mirror?: readonly string[];
  /** Folders to adopt from. */
  readonly from?: readonly string[];
  /** Bytes per second. */
  readonly maxRate?: number;
  readonly lanes?: number;
  /** False with `--no-wait`. */
  readonly wait?: boolean;
  readonly allowPickle?: boolean;
  readonly trustFirstUse?: boolean;
  readonly allowDowngrade?: boolean;
  /** File of a secret key. */
  readonly key?: string;
  /** Variable that holds a secret key, and its password. */
  readonly keyEnv?: string;
  readonly passwordEnv?: string;
  /** False with `--no-password`. */
  readonly password?: boolean;
  /** The version that a signature binds. */
  readonly serial?: number;
  /** What a file to be signed is. */
  readonly as?: DocumentKind;
  readonly format?: "minisign" | "model-signing";
  readonly out?: string;
  /** ComfyUI's files that name folders outside the tree. */
  readonly extraModelPaths?: readonly string[];
  /** Address of a running ComfyUI. */
  readonly comfyui?: string;
  /** Hosts from which workflows may have files fetched. */
  readonly allowHost?: readonly string[];
  readonly includeMuted?: boolean;
  readonly deep?: boolean;
  readonly repair?: boolean;
  /** Milliseconds. */
  readonly olderThan?: number;
  /** Bytes. */
  readonly maxSize?: number;
  readonly unneeded?: boolean;
  readonly foreign?: boolean;
  /** A bucket, or the manifest that an entry is written to. */
  readonly to?: string;
  readonly layout?: string;
  readonly force?: boolean;
  /** True for a sample. */
  readonly verify?: boolean | string;
  /** False with `--no-manifest`. */
  readonly manifest?: string | false;
  readonly all?: boolean;
  readonly name?: string;
  readonly path?: string;
  readonly yes?: boolean;
  readonly unfinished?: boolean;
  readonly strict?: boolean;
}

/** What a shell offers after a flag or in place of an argument. */
export type Completes = "kit" | "model" | "file" | "folder" | readonly string[];

export interface OptionSpec {
  /** As commander reads it: `--kit <name>`. */
  readonly flags: string;
  /** One line, lower case, without a period. */
  readonly says: string;
  /** Turns what was written into the flag's value, given what earlier ones made. @default the text itself */
  readonly parse?: (text: string, before: unknown) => unknown;
  readonly completes?: Completes;
}

export interface ArgumentSpec {
  /** As commander reads it: `[model...]`, `<file>`. */
  readonly syntax: string;
  readonly says: string;
  readonly completes?: Completes;
}

export interface Example {
  readonly line: string;
  readonly says: string;
}

/** What a command gets to work with. */
export interface Call {
  readonly args: readonly string[];
  readonly flags: Flags;
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Prints an error on standard error. */
  readonly tell: (error: unknown) => void;
  /** How to write on standard output, and on standard error. */
  readonly out: Paper;
  readonly err: Paper;
}

export interface CommandSpec {
  readonly arguments: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  readonly examples: readonly Example[];
  /** Besides 0, 1, 2 and 130. */
  readonly exits: readonly ExitCode[];
  /** More about it, below the options. */
  readonly notes?: readonly string[];
  readonly run: (call: Call) => Promise<ExitCode>;
}

/** One line of the list of commands, known without loading the command. */
export interface CommandEntry {
  readonly name: string;
  /** One line, lower case, without a period. */
  readonly purpose: string;
  readonly group: string;
  readonly load: () => Promise<CommandSpec>;
}

/** Prints `lines` on standard output. */
export function printLines(call: Pick<Call, "terminal">, lines: readonly string[]): void {
  call.terminal.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

/** Prints one JSON document on standard output. */
export function printJson(call: Pick<Call, "terminal">, document: unknown): void {
  call.terminal.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}
