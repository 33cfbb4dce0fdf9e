import { MemoryEntry } from '../memory/memory-layer.ts';
import type { LayerResult } from '../telemetry/names.ts';
import { decodeEnvelope, type Envelope } from '../wire/envelope.ts';
import { type EngineContext, memoryExpiry } from './context.ts';
import type { Found, StoredEntry } from './found.ts';
import type { RemoteRead } from './remote-reads.ts';
import type { HeldValue } from './values.ts';

/** An answer that counts. */
interface Verdict {
  readonly entry: MemoryEntry;
  readonly stored: StoredEntry;
}

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
    const { counters, memory } = this.#context;
    const { remote } = counters;
    const verdict = bytes === undefined ? 'miss' : this.#judge(read, bytes, timeline, sentAtMs);
    if (typeof verdict === 'string') {
      read.result = verdict;
      remote.misses++;
      read.layer.counters.misses++;
      if (verdict !== 'miss') read.layer.counters[verdict]++;
      return undefined;
    }
    read.result = 'hit';
    remote.hits++;
    read.layer.counters.hits++;
    const { entry: judged, stored } = verdict;
    const { activity, answers } = this.#context.partitionOf(read.key).view;
    activity.remove(read);
    activity.answered(read.key, judged.keySeq);
    answers.note(read.key);
    // What memory holds has a higher lease and may be older all the same.
    if (!memory.put(read.key, judged)) memory.invalidate(read.key);
    return { entry: judged, stored, layer: read.layer.name };
  }

  #judge(
    read: RemoteRead,
    bytes: Uint8Array,
    timeline: string,
    sentAtMs: number,
  ): Verdict | Exclude<LayerResult, 'hit' | 'error'> {
    const { counters, options, originMs } = this.#context;
    const { remote } = counters;
    const nowMs = options.clock.wallMs();
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
      asOfMs: Math.min(sentAtMs, view.proof.sentAtMs) - originMs,
      lease: envelope.lease,
      keySeq,
      tags: envelope.tags,
      checkedGeneration: view.generation,
    });
    const { epoch } = envelope;
    const seq = read.sentAt?.epoch === epoch ? Math.max(keySeq, read.sentAt.seq) : keySeq;
    const ttlMs = remainingMs === undefined ? 0 : Math.ceil(remainingMs);
    return { entry, stored: { lease: { epoch, seq }, ttlMs, bytes, isCopied: false } };
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
