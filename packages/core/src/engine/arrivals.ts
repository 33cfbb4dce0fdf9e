import type { View } from '../coherence/view.ts';
import { MemoryEntry } from '../memory/memory-layer.ts';
import type { LayerResult } from '../telemetry/names.ts';
import { decodeEnvelope, type Envelope } from '../wire/envelope.ts';
import { type EngineContext, memoryExpiry } from './context.ts';
import type { Arrival, RemoteRead } from './remote-reads.ts';
import type { HeldValue } from './values.ts';

/**
 * Judges what the shared layer answers, in the step in which it arrives: envelope, epoch, timeline, proof, versions, what
 * was heard meanwhile, expiry. What counts goes into memory.
 */
export class Arrivals {
  readonly #context: EngineContext;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  /** Judges what was answered for one key; keeps it in memory where it counts. Never throws. */
  accept(read: RemoteRead, bytes: Uint8Array | undefined, arrival: Arrival, isDue: boolean): void {
    const { remote } = this.#context.counters;
    const layer = read.layer.counters;
    const result = bytes === undefined ? 'miss' : this.#judge(read, bytes, arrival, isDue);
    read.result = result;
    if (result === 'hit') {
      remote.hits++;
      layer.hits++;
      return;
    }
    remote.misses++;
    layer.misses++;
    if (result !== 'miss') layer[result]++;
  }

  #judge(
    read: RemoteRead,
    bytes: Uint8Array,
    { timeline, sentAtMs, nowMs }: Arrival,
    isDue: boolean,
  ): Exclude<LayerResult, 'error'> {
    const { remote } = this.#context.counters;
    const partition = this.#context.partitionOf(read.key);
    const { view } = partition;
    const envelope = decodeEnvelope(bytes);
    if (typeof envelope === 'string') {
      remote.unreadable++;
      return 'miss';
    }
    if (!partition.confirmEpoch(envelope.epoch)) {
      remote.stale++;
      return 'stale';
    }
    const keySeq = Math.max(envelope.lease, envelope.seq);
    view.meet(envelope.epoch, keySeq);
    if (isDue || view.proof.timeline !== timeline || !view.proof.covers(sentAtMs, nowMs)) {
      remote.unproved++;
      return 'unproved';
    }
    if (read.heardSeq > keySeq || !partition.isServable(read.key, envelope.tags, envelope.lease)) {
      remote.stale++;
      return 'stale';
    }
    const remainingMs = envelope.expiresAtMs === 0 ? undefined : envelope.expiresAtMs - view.authorityMs(nowMs);
    if (remainingMs !== undefined && remainingMs <= 0) {
      remote.expired++;
      return 'expired';
    }
    const held = this.#decode(envelope);
    if (held === undefined) return 'miss';
    const entry = new MemoryEntry({
      value: held.value,
      isCopied: held.isCopied,
      expiresMs: memoryExpiry(this.#context, nowMs, remainingMs, read.memoryTtlMs),
      asOfMs: Math.min(sentAtMs, view.proof.sentAtMs) - this.#context.originMs,
      lease: envelope.lease,
      keySeq,
      tags: envelope.tags,
      checkedGeneration: view.generation,
    });
    read.hit(entry, bytes, envelope.epoch, remainingMs);
    this.#keep(view, read.key, entry);
    return 'hit';
  }

  /** Tells whatever else is under way for the key, and puts the entry into memory. */
  #keep({ activity, answers }: View, key: string, entry: MemoryEntry): void {
    activity.answered(key, entry.keySeq);
    answers.note(key);
    // What memory holds has a higher lease and may be older all the same.
    const { memory } = this.#context;
    if (!memory.put(key, entry)) memory.invalidate(key);
  }

  #decode({ codecId, payload }: Envelope): HeldValue | undefined {
    const { options, values, counters } = this.#context;
    try {
      if (codecId !== options.codec.id) throw new Error('written with another codec');
      return values.read(payload);
    } catch {
      counters.remote.unreadable++;
      return undefined;
    }
  }
}
