/** Percentiles of one kind of call, in milliseconds; 0 before the first one. */
export interface Latency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Exact, where the percentiles are within a tenth. */
  readonly maxMs: number;
}

/** Upper end of the first bucket. */
const FIRST_MS = 0.05;
/** Each bucket is so much wider than the one before: what is read from the middle of one is off by a tenth at most. */
const GROWTH = 1.2;
/** The last one begins at about five minutes; what takes longer is counted there. */
const BUCKETS = 87;
const LOG_GROWTH = Math.log(GROWTH);

/** Durations in buckets of growing width: 348 bytes, no allocation per value, and never reset. */
export class LatencyHistogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #maxMs = 0;

  record(ms: number): void {
    const index = ms <= FIRST_MS ? 0 : Math.ceil(Math.log(ms / FIRST_MS) / LOG_GROWTH);
    const bucket = Math.min(BUCKETS - 1, index);
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#count++;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  read(): Latency {
    return {
      count: this.#count,
      p50Ms: this.#percentile(0.5),
      p95Ms: this.#percentile(0.95),
      p99Ms: this.#percentile(0.99),
      maxMs: this.#maxMs,
    };
  }

  #percentile(share: number): number {
    const rank = Math.ceil(share * this.#count);
    let seen = 0;
    for (const [index, count] of this.#counts.entries()) {
      seen += count;
      if (count > 0 && seen >= rank) return Math.min(this.#maxMs, middleMs(index));
    }
    return 0;
  }
}

/** The geometric middle of a bucket. */
function middleMs(index: number): number {
  return FIRST_MS * GROWTH ** (index - 0.5);
}
