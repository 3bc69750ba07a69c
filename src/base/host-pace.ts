/** What one host gave in a run, for the next one to begin with. */

export interface HostPace {
  /** Scheme, host and port, as `https://models.example.net`; never a path, a user or a query. */
  readonly origin: string;
  /** Of all its lanes together. */
  readonly bytesPerSecond: number;
  /** Of one lane, on the average. */
  readonly laneBytesPerSecond: number;
  /** The number of lanes that was best. */
  readonly lanes: number;
  /** When that was, in milliseconds since 1970. */
  readonly at: number;
}
