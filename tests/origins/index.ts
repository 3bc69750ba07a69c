/**
 * Servers on loopback that behave like the ones out there, for tests and the demo. All of them need only Node.
 *
 * Every origin: `await using x = await startX({ host?, tls?, name?, shape? })`, then
 *   `url` (or `endpoint`), `port`, `requests` (live: method, url, headers, range, status, bytesSent, socketId, isDone),
 *   `bytesSent()`, `openSockets()`, `setShape({ bytesPerSecond, connectionBytesPerSecond, latencyMs, jitterMs })`,
 *   `faults.add(when, fault, times?)`, `faults.clear()`, `before(when, run)` (put, expire, kill at a moment), `die()`, `revive()`, `close()`.
 *
 * startRangeServer({ "/a.bin": bytes | { file } | { size, read } | { content, etag, … } }) -> put(path, content): url, remove(path)
 * startHub({ repos: [{ name, commit?, files, isGated?, isPrivate?, granted? }], cdn?, tokens?, limits? })
 *   -> endpoint (HF_ENDPOINT), origin, cdn (another host), leaks(), links.expireLinks(), put(repo), repo(name), rename(a, b)
 * startBucket({ objects: { key: content } }) -> url (public URL), put(key, content)
 * startCivitai({ versions: [{ id, files, access? }], tokens? }) -> endpoint, origin, storage, leaks(), links
 * startComfyui({ kinds: { loras: { names } }, classes }) -> url (what --comfyui is given), origin
 * startBalancer([origin, …], "connection"|"request") -> url: deals what comes to the origins in turn
 * startProxy({ credential? }) -> url, requests
 * startFaultProxy(target) -> url, requests, receivedBytes(), setRate(n), add(when, fault, times?): in front of a real S3 server, with
 *   slowDown, tooManyRequests(s), errorAnswer(status, code), reset, lose, damage; isPut, isPart, isComplete
 * startEmulator() -> endpoint, publicUrl, access(): R2's own emulator (in ./emulator.ts: it takes a second to load)
 * startCeph() -> endpoint, access(), createBucket(name), and describeWithCeph (in ./ceph.ts)
 * createAuthority() -> ca (PEM), writeTo(folder), and `tls: authority` for any origin
 * makeSafetensors({ size, seed?, shape? }), makeGguf(…) -> Weights: content of any exact size, sha256(), writeTo(path)
 *
 * Faults are functions from the right reply to the sent one, and they compose; `when` is one of always, isGet, isHead,
 * isRanged, onPath(text), covers(offset), nth(when, first, last?), after(when, count), both(a, b), or any function. Fault by
 * fault: resetAfter(n) truncateAfter(n) dropAfter(n) stallAfter(n) stallAt(byte) stallHead("silent"|"torn") slowFrom(byte, rate) dieAfter(n, reviveAfterMs?)
 * status(code, headers?, body?) rateLimited(s) retryAfter(value, code?) redirectTo(url, code?) page() lfsPointer(sha256, size)
 * ignoreRange contentRange((start, last, total) => text) etag(value) headers(values) duplicateHeader(name, second)
 * hints(count) hugeHeaders(bytes) flip(offset|"all") shortBody(n) capped(n) longBody(n, isDeclared?) chunked gzip multipart.
 * Example: `server.faults.add(nth(covers(20_000_000), 1), flip(20_000_000))`.
 */
export * from "./balancer.ts";
export * from "./bucket.ts";
export * from "./certificate.ts";
export * from "./civitai.ts";
export * from "./comfyui.ts";
export * from "./content.ts";
export * from "./fault-proxy.ts";
export * from "./faults.ts";
export * from "./hub.ts";
export * from "./hub-repo.ts";
export * from "./origin.ts";
export * from "./proxy.ts";
export * from "./range-server.ts";
export * from "./reply.ts";
export * from "./shaping.ts";
export * from "./signed-host.ts";
export * from "./weights.ts";
