import { LRUCache } from 'lru-cache';
import type { Invalidation, SequencedEvent, SequencedReply, TailReply, TailRequest } from '../coherence/coordinator.ts';
import { fenceSlot } from '../coherence/slots.ts';
import { Versions } from '../coherence/versions.ts';
import type { FillOutcome, FillReply, SetReply, StoreWrite } from '../store/store.ts';
import { decodeEnvelope, SEQ_OFFSET } from '../wire/envelope.ts';

export interface AuthorityOptions {
  /** 32 hexadecimal digits, another value at every call. */
  readonly randomEpoch: () => string;
  readonly logEvents: number;
  readonly maxVersions: number;
  readonly maxBytes: number;
}

interface Stored {
  readonly bytes: Uint8Array;
  /** Unix milliseconds, infinite for never. */
  readonly expiresAtMs: number;
}

/**
 * The shared state of one partition as plain data: sequence, fence slots, log, versions and entries, with the same five
 * operations and outcomes as the Lua scripts of `@tierwise/redis`. Every operation is one synchronous step.
 */
export class Authority {
  readonly #options: AuthorityOptions;
  readonly #fence = new Map<number, number>();
  readonly #entries: LRUCache<string, Stored>;
  readonly #listeners = new Set<(event: SequencedEvent) => void>();
  #log: SequencedEvent[] = [];
  #versions: Versions;
  #epoch: string;
  #timeline: string;
  #seq = 0;

  constructor(options: AuthorityOptions) {
    this.#options = options;
    this.#entries = new LRUCache({ maxSize: options.maxBytes });
    this.#versions = new Versions(options.maxVersions);
    this.#epoch = options.randomEpoch();
    this.#timeline = options.randomEpoch();
  }

  get timeline(): string {
    return this.#timeline;
  }

  subscribe(listener: (event: SequencedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Loses everything, as a restart without persistence does. */
  restart(): void {
    this.#epoch = this.#options.randomEpoch();
    this.#timeline = this.#options.randomEpoch();
    this.#seq = 0;
    this.#log = [];
    this.#fence.clear();
    this.#entries.clear();
    this.#versions = new Versions(this.#options.maxVersions);
  }

  read(keys: readonly string[], nowMs: number): (Uint8Array | undefined)[] {
    return keys.map((key) => this.#stored(key, nowMs)?.bytes);
  }

  invalidate(invalidation: Invalidation): SequencedReply {
    const seq = this.#next();
    for (const key of invalidation.keys) {
      this.#entries.delete(key);
      this.#fence.set(fenceSlot(key), seq);
    }
    this.#versions.raise(seq, invalidation);
    this.#publish(seq, invalidation);
    return { epoch: this.#epoch, seq };
  }

  fill(writes: readonly StoreWrite[], nowMs: number): FillReply {
    const outcomes = writes.map((write) => {
      const outcome = this.#judge(write, nowMs);
      if (outcome === 'stored') this.#store(write, write.bytes, nowMs);
      return outcome;
    });
    return { epoch: this.#epoch, seq: this.#seq, outcomes };
  }

  set(writes: readonly StoreWrite[], nowMs: number): SetReply {
    const outcomes = writes.map((write) => this.#judge(write, nowMs) === 'stored');
    const seq = this.#next();
    for (const [index, write] of writes.entries()) {
      if (outcomes[index] === true) this.#store(write, withSeq(write.bytes, seq), nowMs);
      else this.#entries.delete(write.key);
      this.#fence.set(fenceSlot(write.key), seq);
    }
    this.#publish(seq, { keys: writes.map((write) => write.key), tags: [], prefixes: [], clear: false });
    return { epoch: this.#epoch, seq, stored: outcomes };
  }

  tail(request: TailRequest, nowMs: number): TailReply {
    const reply = { epoch: this.#epoch, timeline: this.#timeline, seq: this.#seq, authorityMs: nowMs };
    const oldest = this.#log[0]?.seq ?? this.#seq + 1;
    const isReached = request.epoch === this.#epoch && request.applied >= oldest - 1 && request.applied <= this.#seq;
    if (!isReached) return { ...reply, events: [], snapshot: this.#versions.snapshot() };
    return { ...reply, events: this.#log.slice(request.applied - oldest + 1), snapshot: undefined };
  }

  #next(): number {
    this.#seq += 1;
    return this.#seq;
  }

  #judge(write: StoreWrite, nowMs: number): FillOutcome {
    const { epoch, seq } = write.lease;
    if (epoch !== this.#epoch || seq > this.#seq) return 'voided';
    if ((this.#fence.get(fenceSlot(write.key)) ?? 0) > seq) return 'fenced';
    const stored = this.#stored(write.key, nowMs);
    if (stored === undefined) return 'stored';
    const envelope = decodeEnvelope(stored.bytes);
    const isHigher = typeof envelope === 'object' && envelope.epoch === this.#epoch && envelope.lease > seq;
    return isHigher ? 'superseded' : 'stored';
  }

  #stored(key: string, nowMs: number): Stored | undefined {
    const stored = this.#entries.get(key);
    if (stored === undefined || stored.expiresAtMs > nowMs) return stored;
    this.#entries.delete(key);
    return undefined;
  }

  #store(write: StoreWrite, bytes: Uint8Array, nowMs: number): void {
    const expiresAtMs = write.ttlMs === 0 ? Number.POSITIVE_INFINITY : nowMs + write.ttlMs;
    this.#entries.set(write.key, { bytes, expiresAtMs }, { size: bytes.byteLength + write.key.length });
  }

  #publish(seq: number, invalidation: Invalidation): void {
    const event = { epoch: this.#epoch, seq, invalidation };
    this.#log.push(event);
    // Trimmed by the half, so that the cost of moving what stays is shared by many events.
    if (this.#log.length >= 2 * this.#options.logEvents) this.#log = this.#log.slice(-this.#options.logEvents);
    for (const listener of this.#listeners) listener(event);
  }
}

function withSeq(bytes: Uint8Array, seq: number): Uint8Array {
  const copy = Buffer.from(bytes);
  copy.writeBigUInt64BE(BigInt(seq), SEQ_OFFSET);
  return copy;
}
