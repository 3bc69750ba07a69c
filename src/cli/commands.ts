/** The list of commands: names, purposes, groups, and where each is loaded from when it is asked for. */
import type { CommandEntry } from "./command.ts";

/** In the order of the help. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "sync",
    purpose: "make the selection present and verified, from all mirrors at once",
    group: "Fetch",
    load: async () => (await import("./commands/sync.ts")).syncCommand,
  },
  {
    name: "adopt",
    purpose: "take over model files that are already on this box",
    group: "Fetch",
    load: async () => (await import("./commands/adopt.ts")).adoptCommand,
  },
  {
    name: "lock",
    purpose: "pin what a selection is now, for sync --frozen",
    group: "Fetch",
    load: async () => (await import("./commands/lock.ts")).lockCommand,
  },
  {
    name: "publish",
    purpose: "put models and files into an R2 or S3 bucket, and write the manifest",
    group: "Publish",
    load: async () => (await import("./commands/publish.ts")).publishCommand,
  },
  {
    name: "mirror",
    purpose: "copy models from their mirrors into a bucket, without a copy on this box",
    group: "Publish",
    load: async () => (await import("./commands/mirror.ts")).mirrorCommand,
  },
  {
    name: "add",
    purpose: "write a manifest entry for a source, with size, digest and place",
    group: "Publish",
    load: async () => (await import("./commands/add.ts")).addCommand,
  },
  {
    name: "bucket",
    purpose: "list a bucket, compare it with the catalogue, verify it, remove from it",
    group: "Publish",
    load: async () => (await import("./commands/bucket.ts")).bucketCommand,
  },
  {
    name: "check",
    purpose: "prove, without network, that the selection is here",
    group: "Prove",
    load: async () => (await import("./commands/check.ts")).checkCommand,
  },
  {
    name: "verify",
    purpose: "read files again and compare them with their digests",
    group: "Prove",
    load: async () => (await import("./commands/verify.ts")).verifyCommand,
  },
  {
    name: "prune",
    purpose: "free disk: by age, down to a size, or what nothing needs",
    group: "Prove",
    load: async () => (await import("./commands/prune.ts")).pruneCommand,
  },
  {
    name: "coverage",
    purpose: "say which endpoints of a service are ready, and what the others lack",
    group: "Prove",
    load: async () => (await import("./commands/coverage.ts")).coverageCommand,
  },
  {
    name: "inspect",
    purpose: "say which models a ComfyUI workflow needs, node by node",
    group: "Look",
    load: async () => (await import("./commands/inspect.ts")).inspectCommand,
  },
  {
    name: "doctor",
    purpose: "say what is wrong with this box: disk, names, clock, mirrors, tokens",
    group: "Look",
    load: async () => (await import("./commands/doctor.ts")).doctorCommand,
  },
  {
    name: "kits",
    purpose: "list the kits, show what is in one, or derive one from workflows",
    group: "Look",
    load: async () => (await import("./commands/kits.ts")).kitsCommand,
  },
  {
    name: "ls",
    purpose: "list the files of the models folder",
    group: "Look",
    load: async () => (await import("./commands/ls.ts")).lsCommand,
  },
  {
    name: "sign",
    purpose: "sign manifests, kits and lockfiles, so that boxes can tell whose they are",
    group: "Trust",
    load: async () => (await import("./commands/sign.ts")).signCommand,
  },
  {
    name: "keys",
    purpose: "make, show and rotate signing keys",
    group: "Trust",
    load: async () => (await import("./commands/keys.ts")).keysCommand,
  },
  {
    name: "completion",
    purpose: "print the completion script for bash, zsh or fish",
    group: "Shell",
    load: async () => (await import("./commands/completion.ts")).completionCommand,
  },
];

/** What the completion scripts call; in no help. */
export const HIDDEN_COMMANDS: readonly CommandEntry[] = [
  {
    name: "__complete",
    purpose: "answer a shell's completion",
    group: "Shell",
    load: async () => (await import("./commands/complete.ts")).completeCommand,
  },
];
