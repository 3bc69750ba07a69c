/** The schema of `models.config.yaml`. */
import { z } from "zod";
import { checkedText, wholeNumber } from "./check.ts";
import type { BucketFile, ConfigFile, HostFile, LimitsFile } from "./config.ts";
import {
  ADDRESS_RULE,
  BUCKET_RULE,
  bytesOf,
  FOLDER_RULE,
  HOST_RULE,
  MOST_AT_ONCE,
  TEMPLATE_RULE,
  VARIABLE,
  VARIABLE_RULE,
} from "./config-rules.ts";
import { nameField, schemaField, versionField } from "./fields.ts";
import { trustSchema } from "./trust-config.ts";

const folderField = checkedText(FOLDER_RULE);
const variableField = checkedText(VARIABLE_RULE).meta({ pattern: VARIABLE.source });
const addressField = checkedText(ADDRESS_RULE);
const templateField = checkedText(TEMPLATE_RULE);
const hostField = checkedText(HOST_RULE);
const bucketNameField = checkedText(BUCKET_RULE);
const rateField = bytesField(1);
const reserveField = bytesField(0);
const countField = wholeNumber(1, MOST_AT_ONCE, `write a whole number from 1 to ${MOST_AT_ONCE}`);

const limitsSchema: z.ZodType<LimitsFile> = z.strictObject({
  maxRate: rateField.optional().describe("Bytes per second, such as 50MB."),
  lanes: countField.optional().describe("Connections to each host; left out, the number is found while it runs."),
  lanesPerHost: countField
    .optional()
    .describe(
      "Most connections to one host where the number is found; twice as many for files that come with one answer.",
    ),
  files: countField.optional().describe("Models under way at the same time."),
  reserve: reserveField.optional().describe("Bytes that stay free on the disk, such as 1GB."),
});

const hostSchema: z.ZodType<HostFile> = z
  .strictObject({
    token: variableField.describe("The environment variable that holds the secret."),
    scheme: z.enum(["bearer", "basic", "header"]).optional().describe("How it is sent; bearer unless said."),
    header: checkedText({
      problem: (text) => (/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/.test(text) ? null : "is no header's name"),
      fix: "write it like X-Api-Key",
    })
      .optional()
      .describe("The header that carries it, with the scheme header."),
  })
  .check((context) => {
    const { scheme = "bearer", header } = context.value;
    if ((scheme === "header") === (header !== undefined)) return;
    const message =
      header === undefined ? "is missing, the scheme header needs it" : `has no use with the scheme ${scheme}`;
    const params = { fix: "write scheme: header and header: X-Api-Key, or neither" };
    context.issues.push({ code: "custom", continue: true, input: header, path: ["header"], message, params });
  });

const bucketSchema: z.ZodType<BucketFile> = z
  .strictObject({
    endpoint: addressField.optional().describe("The S3 endpoint, such as https://<account>.r2.cloudflarestorage.com."),
    region: nameField.optional(),
    publicUrl: addressField.optional().describe("Where objects can be read without a signature."),
    accessKeyId: variableField.optional().describe("The environment variable that holds the key id."),
    secretAccessKey: variableField.optional().describe("The environment variable that holds the secret key."),
    sessionToken: variableField.optional().describe("The environment variable that holds the session token."),
  })
  .check((context) => {
    const { accessKeyId, secretAccessKey } = context.value;
    if ((accessKeyId === undefined) === (secretAccessKey === undefined)) return;
    const path = [accessKeyId === undefined ? "accessKeyId" : "secretAccessKey"];
    const params = { fix: "name both accessKeyId and secretAccessKey, or neither" };
    context.issues.push({ code: "custom", continue: true, input: undefined, path, message: "is missing", params });
  });

/** The schema of a config file. */
export const configSchema: z.ZodType<ConfigFile> = z
  .strictObject({
    $schema: schemaField,
    version: versionField.optional(),
    root: folderField.optional().describe("The models folder."),
    manifests: z.array(folderField).optional().describe("Folders, files or URLs with manifests."),
    kits: z.array(folderField).optional().describe("Folders, files or URLs with kits."),
    lockfile: folderField.optional(),
    adopt: z.array(folderField).optional().describe("Folders in which files may be that are wanted."),
    mirrors: z.array(z.strictObject({ name: nameField, template: templateField })).optional(),
    limits: limitsSchema.optional(),
    hosts: z.record(hostField, hostSchema).optional().describe("Credentials, by host."),
    buckets: z.record(bucketNameField, bucketSchema).optional().describe("How buckets are reached, by name."),
    caFile: folderField.optional().describe("PEM file of authorities to trust beside the built-in ones."),
    allowPickle: z
      .union([z.boolean(), z.array(nameField)], { error: "true, false or a list of models' names" })
      .optional()
      .describe(
        "Formats that can run code when loaded, where a manifest names them with a digest: all, none, or these.",
      ),
    trustFirstUse: z.boolean().optional(),
    extraModelPaths: z
      .array(folderField)
      .optional()
      .describe("ComfyUI's extra_model_paths.yaml, whose folders are searched too."),
    comfyui: addressField.optional().describe("A running ComfyUI that says what its nodes load."),
    workflowHosts: z
      .array(hostField)
      .optional()
      .describe("Hosts from which a workflow's author may have files fetched that no manifest knows."),
    trust: trustSchema.optional().describe("With it, only what one of these keys signed is believed."),
  })
  .describe("What models.config.yaml may say.");

function bytesField(least: number): z.ZodType<number | string> {
  return z.union([z.number(), z.string()], { error: "a number of bytes, such as 50MB" }).check((context) => {
    if ((bytesOf(context.value) ?? -1) >= least) return;
    const params = { fix: "write it as 50MB, 1.5GiB or 1000000" };
    context.issues.push({
      code: "custom",
      continue: true,
      input: context.value,
      message: "is no number of bytes",
      params,
    });
  });
}
