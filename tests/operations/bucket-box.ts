/** A box that publishes into R2's emulator: its environment, and how the bucket is looked at from outside. */
import { ACCESS_KEY, BUCKET, type Emulator, SECRET_KEY } from "../origins/emulator.ts";
import { type Box, makeBox } from "./box.ts";

/** The variables that lead to the emulator's bucket. */
export function bucketVariables(emulator: Pick<Emulator, "endpoint">): Readonly<Record<string, string>> {
  return { AWS_ENDPOINT_URL_S3: emulator.endpoint, R2_ACCESS_KEY_ID: ACCESS_KEY, R2_SECRET_ACCESS_KEY: SECRET_KEY };
}

/** A box that can write to the emulator's bucket. */
export async function makePublisher(emulator: Pick<Emulator, "endpoint">): Promise<Box> {
  return await makeBox(bucketVariables(emulator));
}

/** Where a test puts its objects: nobody else's. */
export function prefixFor(name: string): string {
  return `r2://${BUCKET}/${name}`;
}
