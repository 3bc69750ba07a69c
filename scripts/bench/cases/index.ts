/** The cases, in the order in which they run. */
import type { Case } from "../bench.ts";
import { checkCase } from "./check.ts";
import { delayCase } from "./delay.ts";
import { hubCase } from "./hub.ts";
import { cappedConnectionsCase, cappedLinkCase, stragglerCase } from "./links.ts";
import { deathCase, silenceCase, threeMirrorsCase, twoMirrorsCase } from "./mirrors.ts";
import { publishCase } from "./publish.ts";
import { farSmallCase, smallCase } from "./small.ts";
import { httpCase, httpsCase, kitCase, secureKitCase } from "./unthrottled.ts";

export const CASES: readonly Case[] = [
  httpCase,
  httpsCase,
  kitCase,
  secureKitCase,
  cappedConnectionsCase,
  cappedLinkCase,
  twoMirrorsCase,
  threeMirrorsCase,
  deathCase,
  silenceCase,
  stragglerCase,
  delayCase,
  smallCase,
  farSmallCase,
  hubCase,
  checkCase,
  // The last, for its server leaves much memory free.
  publishCase,
];
