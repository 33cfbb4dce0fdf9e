/**
 * How values become the payload of a shared entry and come back: the extension point for a format of one's own.
 *
 * Both directions are synchronous, pure, and never run inside one another by tierwise itself.
 */
export interface Codec {
  /** For diagnostics; 1 to 64 characters. */
  readonly name: string;
  /** Written into every entry; entries of another id are a counted miss. 1 to 15 belong to tierwise, 16 to 255 to users. */
  readonly id: number;
  /**
   * @throws {CacheError} `UNSERIALIZABLE_VALUE` with the path, for a value that would not come back the same.
   */
  encode(value: unknown): Uint8Array;
  /** May throw on bytes it cannot read: that is a counted miss. What it returns keeps no part of `bytes` alive. */
  decode(bytes: Uint8Array): unknown;
}

/**
 * Makes instances of one class survive the msgpack codec, in every process that registers the same name.
 *
 * Applies to instances whose prototype is exactly `class.prototype`; a subclass needs an extension of its own.
 */
export interface ClassExtension<Instance extends object = object, Data = unknown> {
  /** Stands for the class in the stored bytes: 1 to 64 characters, unique in one codec, never reused for another class. */
  readonly name: string;
  readonly class: { readonly prototype: Instance };
  /** What the instance is rebuilt from: any supported value, other extended instances included. */
  encode(instance: Instance): Data;
  /** Rebuilds the instance. May throw: the entry is then a counted miss. */
  decode(data: Data): Instance;
}

/** Ids below this one belong to the codecs of tierwise. */
export const FIRST_USER_CODEC_ID = 16;

/** The highest id the one byte of the envelope holds. */
export const MAX_CODEC_ID = 255;

const BUILT_IN = Symbol.for('tierwise.builtInCodec');

/** Marks a codec as one of tierwise, so that every copy of the package accepts its reserved id. */
export function builtIn(codec: Codec): Codec {
  return Object.freeze({ ...codec, [BUILT_IN]: true });
}

export function isBuiltIn(codec: Codec): boolean {
  return (codec as { [BUILT_IN]?: unknown })[BUILT_IN] === true;
}
