/** Values that must never be seen outside of the request they are for, and the search for them. */

/** As a client is given them: recognisable, and long enough never to come about by chance. */
export const SECRETS = {
  hub: "hf_tortureHubTokenNeverPrintMe",
  s3: "tortureS3SecretNeverPrintMe0123456789",
  host: "tortureHostTokenNeverPrintMe",
  query: "tortureQueryValueNeverPrintMe",
} as const;

/** A text in which to look, by its name. */
export interface Place {
  readonly name: string;
  readonly text: string;
}

/** What stands in `places` of `secrets`: names of the places, with the secret that is there. */
export function findSecrets(places: readonly Place[], secrets: readonly string[]): readonly string[] {
  return places.flatMap(({ name, text }) =>
    secrets.filter((secret) => text.includes(secret)).map((secret) => `${name} shows ${secret}`),
  );
}

/** The signatures in an address that must not outlive the request: of the Hub's links and of S3's. */
export function signaturesIn(url: string): readonly string[] {
  const { searchParams } = new URL(url, "http://origin");
  return ["Signature", "X-Amz-Signature"].flatMap((name) => searchParams.get(name) ?? []);
}
