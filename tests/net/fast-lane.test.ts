import { describeLane } from "./lane-contract.ts";

describeLane({ name: "fast lane over HTTP", isGeneral: false, isTls: false, isProxied: false });
describeLane({ name: "fast lane over HTTPS", isGeneral: false, isTls: true, isProxied: false });
