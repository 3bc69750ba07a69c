/** The cases, in the order in which they run. */
import type { Case } from "../bench.ts";
import { httpCase, httpsCase, kitCase } from "./unthrottled.ts";

export const CASES: readonly Case[] = [httpCase, httpsCase, kitCase];
