/** The schemas of the fields that manifests, kits, lockfiles and piece tables share. */
import { z } from "zod";
import { checkedText, wholeNumber } from "./check.ts";
import {
  FORMAT_VERSION,
  LINE_RULE,
  MAX_SIZE,
  NAME,
  NAME_RULE,
  PATH_RULE,
  ROUGH_SIZE,
  ROUGH_SIZE_RULE,
  SHA256_RULE,
  SOURCE_RULE,
} from "./rules.ts";

/** `version: 1`. */
export const versionField: z.ZodLiteral<1> = z.literal(FORMAT_VERSION);

/** What an editor reads to complete and check the file; nothing to us. */
export const schemaField: z.ZodOptional<z.ZodString> = z.string().optional();

/** The name of a model or a kit. */
export const nameField: z.ZodString = checkedText(NAME_RULE).meta({ pattern: NAME.source });

/** A path below the models folder. */
export const pathField: z.ZodString = checkedText(PATH_RULE);

/** Bytes. */
export const sizeField: z.ZodNumber = wholeNumber(
  0,
  MAX_SIZE,
  "write the size in bytes, or leave it out when nobody knows it",
);

/** A size as a public list rounds it. */
export const roughSizeField: z.ZodString = checkedText(ROUGH_SIZE_RULE).meta({ pattern: ROUGH_SIZE.source });

/** 64 lower-case hex digits. */
export const sha256Field: z.ZodString = checkedText(SHA256_RULE).meta({ pattern: "^[0-9a-f]{64}$" });

/** A source URI. */
export const sourceField: z.ZodString = checkedText(SOURCE_RULE);

/** Text for people, bounded. */
export const lineField: z.ZodString = checkedText(LINE_RULE);
