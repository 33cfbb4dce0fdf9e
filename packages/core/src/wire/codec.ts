import { CacheError, describe } from '../errors.ts';
import { type Codec, FIRST_USER_CODEC_ID, isBuiltIn, MAX_CODEC_ID } from './contract.ts';
import { json } from './json.ts';
import { msgpack } from './msgpack.ts';

export type { ClassExtension, Codec } from './contract.ts';

const MAX_NAME_CHARS = 64;

/**
 * The codec that an option stands for; left out, it is msgpack.
 *
 * @throws {CacheError} `INVALID_OPTIONS`
 */
export function resolveCodec(option: 'msgpack' | 'json' | Codec | undefined): Codec {
  if (option === undefined || option === 'msgpack') return msgpack();
  if (option === 'json') return json();
  if (typeof option !== 'object' || option === null) {
    throw invalid(`must be 'msgpack', 'json' or a Codec, got ${describe(option)}`);
  }
  return checked(option);
}

function checked(codec: Codec): Codec {
  const { name, id } = codec;
  if (typeof name !== 'string' || name.length === 0 || name.length > MAX_NAME_CHARS) {
    throw invalid(`needs a name of 1 to ${MAX_NAME_CHARS} characters`);
  }
  if (typeof codec.encode !== 'function' || typeof codec.decode !== 'function') {
    throw invalid('needs the functions encode and decode');
  }
  if (isBuiltIn(codec)) return codec;
  if (!Number.isInteger(id) || id < FIRST_USER_CODEC_ID || id > MAX_CODEC_ID) {
    throw invalid(`needs a whole id from ${FIRST_USER_CODEC_ID} to ${MAX_CODEC_ID}, got ${describe(id)}`);
  }
  return codec;
}

function invalid(rule: string): CacheError {
  return new CacheError('INVALID_OPTIONS', `codec ${rule}`, { subject: 'codec' });
}
