/**
 * The only file that knows undici from inside: its index also loads fetch, WebSockets, caches and mocks, which cost each
 * sync 45 ms (measured) and are used by nothing here. The version is held to its patches for that.
 */
import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import { nodeVersion } from "../base/process.ts";

type Undici = typeof import("undici");

const require = createRequire(import.meta.url);

/** See undici's `Agent`. */
export const Agent: Undici["Agent"] = require("undici/lib/dispatcher/agent.js");
/** See undici's `Pool`. */
export const Pool: Undici["Pool"] = require("undici/lib/dispatcher/pool.js");
/** See undici's `ProxyAgent`. */
export const ProxyAgent: Undici["ProxyAgent"] = require("undici/lib/dispatcher/proxy-agent.js");

// As the index does it: what gives every dispatcher its `request`.
const dispatcher: Undici["Dispatcher"] = require("undici/lib/dispatcher/dispatcher.js");
Object.assign(dispatcher.prototype, require("undici/lib/api/index.js"));

// Node's types have it with the DOM only.
declare const WebAssembly: { readonly Module: new (bytes: Uint8Array) => object };

/** V8 takes what it made of a text before for as long as someone holds it. */
const held = new Set<object>();

/**
 * V8 takes undici's parser for hot after one answer, and makes it anew for 60 ms of a processor, for which a process that
 * wants to end waits (measured). With this budget in place of Node 20's own it does so after a dozen.
 */
if (nodeVersion().startsWith("v20.")) {
  setFlagsFromString("--wasm-tiering-budget=100000000");
  held.add(new WebAssembly.Module(require("undici/lib/llhttp/llhttp_simd-wasm.js")));
  setFlagsFromString("--wasm-tiering-budget=1800000");
}
