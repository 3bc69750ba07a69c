/** Faults of where a mirror leads: away from home, into a circle, to other schemes, to private and unknown hosts. */
import { type Fault, isRanged, type Origin, redirectTo } from "../../tests/origins/index.ts";
import type { Course, Site, TortureFault } from "./fault.ts";

/** These hosts are asked by their own address; the Hub and S3 sign what they redirect to. */
const WEB = ["http", "https"] as const;

function redirect(id: string, says: string, course: Course, to: (site: Site, path: string) => string): TortureFault {
  return {
    id,
    says,
    course,
    kinds: WEB,
    apply: (site) => {
      const fault: Fault = (reply, asked) => redirectTo(to(site, asked.url))(reply, asked);
      site.add(isRanged, fault);
    },
  };
}

const at = (origin: Origin, path: string): string => `${origin.url}${path}`;
const schemeless = (origin: Origin, path: string): string => at(origin, path).replace(/^https?:/, "");

export const REDIRECT_FAULTS: readonly TortureFault[] = [
  redirect("other-host", "redirect to another host, where no credential may go", "bearable", (site, path) =>
    at(site.elsewhere.otherHost, path),
  ),
  redirect("other-port", "redirect to another port of the same host", "bearable", (site, path) =>
    at(site.elsewhere.otherPort, path),
  ),
  redirect("no-scheme", "redirect to //host without a scheme", "bearable", (site, path) =>
    schemeless(site.elsewhere.otherHost, path),
  ),
  {
    id: "relative",
    says: "redirect to a relative address",
    course: "bearable",
    kinds: WEB,
    apply: (site) =>
      site.add(
        ({ url, headers }) => headers.range !== undefined && !url.includes("again"),
        (reply, asked) => redirectTo(`${asked.url}&again=1`)(reply, asked),
      ),
  },
  {
    ...redirect("downgrade", "redirect from https to plain http", "fatal", (site, path) =>
      at(site.elsewhere.plain, path),
    ),
    kinds: ["https"],
  },
  redirect("circle", "a redirect to itself", "fatal", (_site, path) => path),
  redirect("fifty-hops", "a new redirect after each redirect", "fatal", (_site, path) => `${path}&hop=1`),
  redirect("link-local", "redirect to 169.254.169.254", "fatal", () => "http://169.254.169.254/latest/meta-data"),
  redirect("file-scheme", "redirect to a file on this box", "fatal", () => "file:///etc/passwd"),
  redirect("ftp-scheme", "redirect to ftp", "fatal", () => "ftp://127.0.0.1/weights"),
  redirect("data-scheme", "redirect to a data address", "fatal", () => "data:text/plain,weights"),
  redirect("user-in-location", "redirect with a user name in it", "fatal", (site, path) =>
    at(site.elsewhere.otherHost, path).replace("://", "://user:word@"),
  ),
  redirect("no-location", "a redirect that is no address", "fatal", () => "http://["),
  redirect(
    "unknown-host",
    "redirect to a host that has no address",
    "fatal-slowly",
    (site) => `${site.kind}://no-such-host.invalid/weights`,
  ),
  redirect("unknown-authority", "redirect to a server whose certificate nobody trusts", "fatal", (site, path) =>
    at(site.impostor, path),
  ),
];
