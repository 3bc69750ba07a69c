/** Texts in SVG: the JSON in its `metadata` element. */
import { keep, type Texts } from "./texts.ts";

const ENTITIES: Readonly<Record<string, string>> = { quot: '"', apos: "'", lt: "<", gt: ">", amp: "&" };

/** True for text that is an SVG, with or without a prolog. */
export function isSvg(bytes: Buffer): boolean {
  const head = bytes.toString("utf8", 0, 1024).trimStart();
  return head.startsWith("<") && /<svg[\s>]|<!DOCTYPE svg/i.test(head);
}

/** Keeps what the first `metadata` element holds. */
export function readSvg(bytes: Buffer, texts: Texts): void {
  const start = bytes.indexOf("<metadata");
  const open = start < 0 ? -1 : bytes.indexOf(">", start);
  const end = open < 0 ? -1 : bytes.indexOf("</metadata>", open);
  if (end < 0) return;
  const inner = bytes.toString("utf8", open + 1, end).trim();
  const isRaw = inner.startsWith("<![CDATA[") && inner.endsWith("]]>");
  keep(texts, "metadata", isRaw ? inner.slice(9, -3) : unescaped(inner));
}

function unescaped(text: string): string {
  return text.replace(/&(quot|apos|lt|gt|amp);/g, (_, name: string) => ENTITIES[name] ?? "");
}
