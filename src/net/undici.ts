/**
 * The only file that knows undici from inside: its index also loads fetch, WebSockets, caches and mocks, which cost each
 * sync 45 ms (measured) and are used by nothing here. The version is held to its patches for that.
 */
import { createRequire } from "node:module";

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
