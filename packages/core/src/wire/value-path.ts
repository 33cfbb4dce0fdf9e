import { CacheError } from '../errors.ts';

/** Levels of nesting that a value may have: enough for data, and far from what a call stack bears. */
export const MAX_DEPTH = 1000;

const MAX_SEGMENTS = 16;
const MAX_SEGMENT_CHARS = 64;
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** One step into a value: a property, an index, or a place that neither names, such as `{ place: 'key 0' }`. */
export type Segment = string | number | { readonly place: string };

/** Where a walk through a value stands. Text is made of it only when the value is refused. */
export class ValuePath {
  readonly #segments: Segment[] = [];

  /** @throws {CacheError} `UNSERIALIZABLE_VALUE` past {@link MAX_DEPTH}. */
  enter(segment: Segment): void {
    this.#segments.push(segment);
    if (this.#segments.length > MAX_DEPTH) this.refuse(`is nested deeper than ${MAX_DEPTH} levels`);
  }

  leave(): void {
    this.#segments.pop();
  }

  /** @throws {CacheError} `UNSERIALIZABLE_VALUE`, always. */
  refuse(reason: string, cause?: unknown): never {
    const path = this.toString();
    const options = cause === undefined ? undefined : { cause };
    throw new CacheError('UNSERIALIZABLE_VALUE', `the value ${reason}, at ${path}`, { path }, options);
  }

  /** Like `$.items[3].onClick`; the middle of a long path is left out. */
  toString(): string {
    const texts = this.#segments.map(segmentText);
    if (texts.length > MAX_SEGMENTS) texts.splice(MAX_SEGMENTS / 2, texts.length - MAX_SEGMENTS, '…');
    return `$${texts.join('')}`;
  }
}

function segmentText(segment: Segment): string {
  if (typeof segment === 'number') return `[${segment}]`;
  if (typeof segment === 'object') return `<${segment.place}>`;
  if (segment.length > MAX_SEGMENT_CHARS) return `[${JSON.stringify(segment.slice(0, MAX_SEGMENT_CHARS))}…]`;
  return IDENTIFIER.test(segment) ? `.${segment}` : `[${JSON.stringify(segment)}]`;
}

/** What `CacheError` a failed write becomes: a refusal stays as it is. */
export function refusalOf(error: unknown): CacheError {
  if (CacheError.is(error)) return error;
  const facts = { path: '$' };
  return new CacheError('UNSERIALIZABLE_VALUE', 'the value could not be written', facts, { cause: error });
}
