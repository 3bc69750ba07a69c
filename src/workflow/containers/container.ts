/** Which kind of file bytes are, by their first ones, and the texts that it holds. */
import { readAvif } from "./avif.ts";
import { isBoxed } from "./boxes.ts";
import { isFlac, readFlac } from "./flac.ts";
import { isGlb, readGlb } from "./glb.ts";
import { isJpeg, readJpeg } from "./jpeg.ts";
import { isMp3, readMp3 } from "./mp3.ts";
import { readMp4 } from "./mp4.ts";
import { isOgg, readOgg } from "./ogg.ts";
import { isPng, readPng } from "./png.ts";
import { isSafetensors, readSafetensors } from "./safetensors.ts";
import { isSvg, readSvg } from "./svg.ts";
import type { Texts } from "./texts.ts";
import { isWebm, readWebm } from "./webm.ts";
import { isWebp, readWebp } from "./webp.ts";

interface Format {
  readonly label: string;
  readonly is: (bytes: Buffer) => boolean;
  readonly read: (bytes: Buffer, texts: Texts) => void;
}

const FORMATS: readonly Format[] = [
  { label: "PNG", is: isPng, read: readPng },
  { label: "WebP", is: isWebp, read: readWebp },
  { label: "JPEG", is: isJpeg, read: readJpeg },
  { label: "AVIF or MP4", is: isBoxed, read: readBoxed },
  { label: "FLAC", is: isFlac, read: readFlac },
  { label: "Ogg", is: isOgg, read: readOgg },
  { label: "MP3", is: isMp3, read: readMp3 },
  { label: "WebM", is: isWebm, read: readWebm },
  { label: "GLB", is: isGlb, read: readGlb },
  { label: "SVG", is: isSvg, read: readSvg },
  { label: "safetensors", is: isSafetensors, read: readSafetensors },
];

export interface Container {
  /** What the file is, for messages. */
  readonly label: string;
  readonly texts: ReadonlyMap<string, string>;
}

/** The texts of a file that is not JSON itself, or null when it is none of these formats. A damaged file gives what can be read. */
export function openContainer(bytes: Buffer): Container | null {
  const format = FORMATS.find((one) => one.is(bytes));
  if (format === undefined) return null;
  const texts: Texts = new Map();
  try {
    format.read(bytes, texts);
  } catch (error) {
    // Offsets in a damaged file lead outside of it, and its JSON may end early.
    if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
  }
  return { label: format.label, texts };
}

function readBoxed(bytes: Buffer, texts: Texts): void {
  readMp4(bytes, texts);
  readAvif(bytes, texts);
}
