import { type DecodedEvent, decodeEvent, encodeEvent, type Invalidation } from 'tierwise/driver';

/** Events remembered; more than are on their way to the server and back at a time, in all but the busiest caches. */
const MAX_KEPT = 8;
/** Longest event remembered. */
const MAX_KEPT_CHARS = 16_384;

/**
 * The events this instance sends, which come back to it as messages. One that does is known by its text, and need not be
 * taken apart again: its names are strings already whose hashes are known.
 */
export class OwnEvents {
  readonly #kept: { readonly text: string; readonly event: DecodedEvent }[] = [];
  #next = 0;

  /** The text of an event that is about to be sent. `invalidation` must not change any more. */
  encode(invalidation: Invalidation): string {
    const text = encodeEvent(invalidation);
    // Others are rare, and what names nothing is read as naming everything.
    if (invalidation.keys.length === 0 || text.length > MAX_KEPT_CHARS) return text;
    this.#kept[this.#next] = { text, event: { invalidation, fence: undefined } };
    this.#next = (this.#next + 1) % MAX_KEPT;
    return text;
  }

  /** What an event says, as `decodeEvent`. */
  decode(text: string): DecodedEvent {
    return this.#kept.find((own) => own.text === text)?.event ?? decodeEvent(text);
  }
}
