/** A store whose lists never end. */
import { describe, expect, it } from "vitest";
import { createMultipart } from "../../src/net/s3-multipart.ts";
import type { S3Session } from "../../src/net/s3-session.ts";
import { createObjectStore } from "../../src/net/s3-store.ts";

/** Each page is empty, and says that there is another. */
function endless(): S3Session & { readonly asked: () => number } {
  let asked = 0;
  const page = { IsTruncated: true, NextContinuationToken: "more", NextPartNumberMarker: "1", NextKeyMarker: "k" };
  class Command {}
  const sdk = { ListObjectsV2Command: Command, ListPartsCommand: Command, ListMultipartUploadsCommand: Command };
  const send = async (): Promise<unknown> => {
    asked += 1;
    return page;
  };
  const request: S3Session["request"] = ({ ask }) => ask(sdk as never, send as never);
  return { bucket: "b", name: "s3://b", request, asked: () => asked };
}

describe("a list that never ends", () => {
  it.each([
    ["of objects", (session: S3Session) => createObjectStore(session).list("p/")[Symbol.asyncIterator]().next()],
    ["of parts", (session: S3Session) => createMultipart(session, async () => null).parts("k", "id")],
    ["of uploads", (session: S3Session) => createMultipart(session, async () => null).unfinished("p/")],
  ])("%s is given up after 10,000 pages", async (_, list) => {
    const session = endless();
    await expect(list(session)).rejects.toMatchObject({
      code: "MIRROR_LIED",
      message: /does not end after 10000 pages/,
    });
    expect(session.asked()).toBe(10_000);
  });
});
