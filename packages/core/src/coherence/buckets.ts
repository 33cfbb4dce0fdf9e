import { FENCE_SLOTS, fenceSlot } from './slots.ts';

/**
 * For each bucket of keys the number of the last event on any of them: the part of a storage name that a layer without
 * scripts cannot check by itself (see `store/generation-store.ts`). The buckets are the authority's fence slots, so a
 * snapshot can bring them and nobody has to keep anything more.
 *
 * Numbers only grow within an epoch, so events may come twice and late. What nobody has confirmed counts until a proof
 * brings what is true of it: until then more is refused than need be. Costs 128 KiB.
 */
export class Buckets {
  readonly #seqs = new Float64Array(FENCE_SLOTS);
  readonly #unconfirmed = new Map<number, number>();

  /** The number of the last event known on the bucket of `key`; 0 for none in this epoch. */
  versionOf(key: string): number {
    const slot = fenceSlot(key);
    const seq = this.#seqs[slot] as number;
    return this.#unconfirmed.size === 0 ? seq : Math.max(seq, this.#unconfirmed.get(slot) ?? 0);
  }

  /** Notes an event on these keys. */
  raise(keys: readonly string[], seq: number): void {
    for (const key of keys) this.#raise(fenceSlot(key), seq);
  }

  /** Notes what may be no event at all, until {@link settle}. */
  raiseForNow(keys: readonly string[], seq: number): void {
    for (const key of keys) {
      const slot = fenceSlot(key);
      this.#unconfirmed.set(slot, Math.max(seq, this.#unconfirmed.get(slot) ?? 0));
    }
  }

  /** Whatever was true of the unconfirmed has been noted as an event by now. */
  settle(): void {
    this.#unconfirmed.clear();
  }

  /** Takes in what a snapshot of the same epoch tells. */
  merge(slots: ReadonlyMap<number, number>): void {
    for (const [slot, seq] of slots) this.#raise(slot, seq);
  }

  /** Forgets everything: a snapshot follows, of another epoch or of this one. */
  reset(): void {
    this.#seqs.fill(0);
    this.#unconfirmed.clear();
  }

  #raise(slot: number, seq: number): void {
    if (seq > (this.#seqs[slot] as number)) this.#seqs[slot] = seq;
  }
}
