import { describeLane } from "./lane-contract.ts";

describeLane({ name: "general lane over HTTP", isGeneral: true, isTls: false, isProxied: false });
describeLane({ name: "general lane over HTTPS", isGeneral: true, isTls: true, isProxied: false });
describeLane({ name: "general lane over HTTPS through a proxy", isGeneral: true, isTls: true, isProxied: true });
