/** The flags that name a secret key: by file or by variable, so that no secret ever stands on a command line. */
import { ModelsError } from "../base/errors.ts";
import type { KeySource } from "../trust/key-files.ts";
import type { Flags, OptionSpec } from "./command.ts";

const PASSWORD_OPTION: OptionSpec = {
  flags: "--password-env <name>",
  says: "environment variable that holds the key's password (else MODELS_KEY_PASSWORD)",
};

/** Which secret key signs. */
export const KEY_OPTIONS: readonly OptionSpec[] = [
  { flags: "--key <file>", says: "file of the secret key", completes: "file" },
  { flags: "--key-env <name>", says: "environment variable that holds the text of such a file" },
  PASSWORD_OPTION,
];

/** A minisign signature, or a bundle of OpenSSF's model-signing. */
export const FORMAT_OPTION: OptionSpec = {
  flags: "--format <format>",
  says: "minisign (default), or model-signing with an EC P-256 key in PEM",
  completes: ["minisign", "model-signing"],
  parse: (text) => oneOf("format", text, ["minisign", "model-signing"]),
};

/** What the flags name. */
export function keySourceOf({ key, keyEnv, passwordEnv }: Flags): KeySource {
  return {
    ...(key !== undefined && { file: key }),
    ...(keyEnv !== undefined && { variable: keyEnv }),
    ...(passwordEnv !== undefined && { passwordVariable: passwordEnv }),
  };
}

/** `text` when it is one of `choices`. @throws ModelsError `USAGE` */
export function oneOf<T extends string>(what: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new ModelsError("USAGE", `Cannot use ${what} "${text}": expected ${choices.join(" or ")}`);
}
