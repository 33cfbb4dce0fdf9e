import { Packr, RESERVE_START_SPACE } from 'msgpackr/index-no-eval';
import { CacheError, describe } from '../errors.ts';
import { builtIn, type ClassExtension, type Codec } from './contract.ts';
import { Extensions } from './extensions.ts';
import { GRAPH_MARK } from './graph.ts';
import { isPlain } from './inspect.ts';
import { lower } from './lower.ts';
import { raise } from './raise.ts';
import { UnreadablePayload } from './unreadable.ts';
import { refusalOf } from './value-path.ts';

/** Codec id of {@link msgpack}, with or without extensions. */
const MSGPACK_CODEC_ID = 1;

export interface MsgpackOptions {
  /** Classes whose instances survive beside the built-in ones. Default: none. */
  readonly extensions?: readonly ClassExtension[];
}

/** msgpackr writes into a buffer that it keeps; one that a large value has grown past this is let go. */
const MAX_KEPT_BUFFER_BYTES = 1_048_576;
const FRESH_BUFFER_BYTES = 8192;

/*
 * The build without run-time code generation is also the one that shares no registry of extensions and no native
 * string reader with other users of msgpackr in the process: what they register cannot change this format.
 */
const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  moreTypes: true,
  useToJSON: false,
  structuredClone: false,
  copyBuffers: true,
});

let plainMsgpack: Codec | undefined;

/**
 * The default codec: compact, and what it carries comes back the same, but for what the last lines here name.
 *
 * Carried: all primitives except symbols; plain objects (without a prototype they come back with one); arrays without
 * holes; `Date`, `Map`, `Set`, `RegExp`, binary data of every kind over memory that is neither shared nor resizable
 * (a `Buffer` comes back as a `Buffer`); built-in errors with `message`, `stack`, `cause`, `errors` and their own
 * properties; instances of the classes in `extensions`. Shared and cyclic references stay what they are.
 *
 * Refused with the path: functions, symbols as values or keys, holes, instances of any other class, more than 1,000
 * levels. Not looked at: properties on arrays and binary data beside the elements, and properties that are not
 * enumerable; they are dropped. A getter is stored as what it returns.
 *
 * @throws {CacheError} `INVALID_OPTIONS`
 */
export function msgpack(options: MsgpackOptions = {}): Codec {
  if (options.extensions === undefined) {
    plainMsgpack ??= makeCodec(new Extensions([]));
    return plainMsgpack;
  }
  if (!Array.isArray(options.extensions)) {
    const rule = `extensions must be an array, got ${describe(options.extensions)}`;
    throw new CacheError('INVALID_OPTIONS', rule, { subject: 'extensions' });
  }
  return makeCodec(new Extensions(options.extensions));
}

function makeCodec(extensions: Extensions): Codec {
  return builtIn({
    name: 'msgpack',
    id: MSGPACK_CODEC_ID,
    encode(value) {
      try {
        return isPlain(value) ? pack(value, 0) : packGraph(lower(value, extensions));
      } catch (error) {
        throw refusalOf(error);
      }
    },
    decode(bytes) {
      const source = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return source[0] === GRAPH_MARK ? raise(unpack(source.subarray(1)), extensions) : unpack(source);
    },
  });
}

function pack(value: unknown, options: number): Buffer {
  const bytes = packr.pack(value, options);
  if (bytes.buffer.byteLength > MAX_KEPT_BUFFER_BYTES) packr.useBuffer(Buffer.allocUnsafeSlow(FRESH_BUFFER_BYTES));
  return bytes;
}

function packGraph(tree: unknown): Buffer {
  const bytes = pack(tree, RESERVE_START_SPACE | 1);
  bytes[0] = GRAPH_MARK;
  return bytes;
}

/** Where small payloads are read from: msgpackr makes a `DataView` for every buffer that it has not seen before. */
const scratch = Buffer.allocUnsafeSlow(16_384);

function unpack(bytes: Buffer): unknown {
  try {
    if (bytes.length > scratch.length) return packr.unpack(bytes);
    scratch.set(bytes);
    return packr.unpack(scratch, bytes.length);
  } catch {
    // The error of msgpackr may quote the value.
    throw new UnreadablePayload();
  }
}
