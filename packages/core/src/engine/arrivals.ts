import { MemoryEntry } from '../memory/memory-layer.ts';
import type { LayerResult } from '../telemetry/names.ts';
import { decodeEnvelope, type Envelope } from '../wire/envelope.ts';
import { type EngineContext, memoryExpiry } from './context.ts';
import type { Found } from './found.ts';
import type { RemoteRead } from './remote-reads.ts';

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
  accept(read: RemoteRead, bytes: Uint8Array | undefined, timeline: string, sentAtMs: number): Found | undefined {
    const { counters, memory, options } = this.#context;
    const { remote } = counters;
    const judged = bytes === undefined ? 'miss' : this.#judge(read, bytes, timeline, sentAtMs);
    if (typeof judged === 'string') {
      read.result = judged;
      remote.misses++;
      return undefined;
    }
    read.result = 'hit';
    remote.hits++;
    const { activity, answers } = this.#context.partitionOf(read.key).view;
    activity.remove(read);
    activity.answered(read.key, judged.keySeq);
    answers.note(read.key);
    // What memory holds has a higher lease and may be older all the same.
    if (!memory.put(read.key, judged)) memory.invalidate(read.key);
    return { entry: judged, layer: options.remote.name };
  }

  #judge(
    read: RemoteRead,
    bytes: Uint8Array,
    timeline: string,
    sentAtMs: number,
  ): MemoryEntry | Exclude<LayerResult, 'hit' | 'error'> {
    const { counters, options, originMs } = this.#context;
    const { remote } = counters;
    const { clock } = options;
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
    const isDue = view.answers.isDue(read.key);
    if (isDue || view.proof.timeline !== timeline || !view.proof.covers(sentAtMs, clock.wallMs())) {
      remote.unproved++;
      return 'unproved';
    }
    if (read.heardSeq > keySeq || !partition.isServable(read.key, envelope.tags, envelope.lease)) {
      remote.stale++;
      return 'stale';
    }
    const remainingMs =
      envelope.expiresAtMs === 0 ? undefined : envelope.expiresAtMs - view.authorityMs(clock.wallMs());
    if (remainingMs !== undefined && remainingMs <= 0) {
      remote.expired++;
      return 'expired';
    }
    return this.#decode(envelope, {
      keySeq,
      asOfMs: Math.min(sentAtMs, view.proof.sentAtMs) - originMs,
      expiresMs: memoryExpiry(this.#context, clock.wallMs(), remainingMs, read.memoryTtlMs),
      checkedGeneration: view.generation,
    });
  }

  #decode(
    envelope: Envelope,
    dates: Pick<MemoryEntry, 'keySeq' | 'asOfMs' | 'expiresMs' | 'checkedGeneration'>,
  ): MemoryEntry | 'miss' {
    const { options, values, counters } = this.#context;
    try {
      if (envelope.codecId !== options.codec.id) throw new Error('written with another codec');
      const { tags, lease } = envelope;
      return new MemoryEntry({ ...values.read(envelope.payload), ...dates, lease, tags });
    } catch {
      counters.remote.unreadable++;
      return 'miss';
    }
  }
}
