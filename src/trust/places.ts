/** What a place says about the document there: its name, and where its signature is. */
import { redactUrl } from "../base/secret.ts";
import { SIGNATURE_SUFFIX } from "./signature.ts";

const EXTENSION = /\.(?:ya?ml|pieces\.json|pieces|json|pub)$/i;

/** The last part of a path or URL without its extension: `flux` of `https://host/kits/flux.yaml?x=1`. */
export function documentName(place: string): string {
  const path = isUrl(place) ? decoded(place.replace(/[?#].*$/s, "")) : place;
  const [last = ""] = path.split(/[/\\]/).slice(-1);
  return last.replace(EXTENSION, "");
}

/** The place of the signature: behind the path, before a query. */
export function signaturePlace(place: string): string {
  const end = isUrl(place) ? place.search(/[?#]|$/) : place.length;
  return `${place.slice(0, end)}${SIGNATURE_SUFFIX}${place.slice(end)}`;
}

/** The place as it may be printed: a URL without its secrets. */
export function printedPlace(place: string): string {
  return isUrl(place) ? redactUrl(place) : place;
}

const isUrl = (place: string): boolean => /^(?!file:)[a-z][a-z0-9+.-]+:\/\//i.test(place);

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
