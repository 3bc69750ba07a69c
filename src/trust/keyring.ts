/** Which keys are trusted, for what and until when. */
import type { TrustedKeyEntry } from "../settings.ts";
import { type PublicKey, parsePublicKey } from "./public-key.ts";

/** A key of the config, or one that such a key vouches for. */
export interface TrustedKey {
  /** As people call it. */
  readonly name: string;
  readonly publicKey: PublicKey;
  /** Names of the kits and manifests that it may sign; null for all. */
  readonly kits: readonly string[] | null;
  /** Folders of the tree in which its models may lie; null for all. */
  readonly paths: readonly string[] | null;
  /** Milliseconds since 1970; null for no end. */
  readonly notAfter: number | null;
  readonly isRevoked: boolean;
  /** The key that signed this one, or null for one of the config. */
  readonly vouchedBy: TrustedKey | null;
}

export type Keyring = readonly TrustedKey[];

/** The keys of the config. @throws ModelsError `KEY_INVALID` */
export function createKeyring(entries: readonly TrustedKeyEntry[]): Keyring {
  return entries.map(({ key, ...rest }) => ({ ...rest, publicKey: parsePublicKey(key, rest.name), vouchedBy: null }));
}

/** Why a key is not good now, as a sentence goes on from its name; null when it is. Whoever vouches for it must be good, too. */
export function keyProblem({ isRevoked, notAfter, vouchedBy }: TrustedKey, now: number): string | null {
  if (isRevoked) return "which is revoked";
  if (notAfter !== null && now > notAfter)
    return `which was good until ${new Date(notAfter).toISOString().slice(0, 10)}`;
  const behind = vouchedBy === null ? null : keyProblem(vouchedBy, now);
  return behind === null ? null : `vouched for by ${keyTitle(vouchedBy)}, ${behind}`;
}

/** `studio-2026 (key 8B07EC493A8798BE)`. */
export function keyTitle(key: Pick<TrustedKey, "name" | "publicKey"> | null): string {
  return key === null ? "nobody" : `${key.name} (key ${key.publicKey.id})`;
}

/** True when a key that may sign in `folders` may sign what lies at `path`. */
export function isWithin(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path === folder || path.startsWith(`${folder}/`));
}
