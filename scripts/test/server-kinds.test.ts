import { describe, expect, test } from 'vitest';
import { REDIS, SASL_MEMCACHED } from '../servers/kinds.ts';

// Symptom: a server started on a file refused the first command of a test with LOADING.
describe('a Redis', () => {
  const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
  const info = (loading: number): string =>
    bulk(`# Server\r\nprocess_id:42\r\n# Persistence\r\nloading:${loading}\r\n`);

  test('is ready once it has read its file', () => {
    expect(REDIS.readProbe(info(0))).toEqual({ pid: 42 });
  });

  test('is not ready while it reads it', () => {
    expect(REDIS.readProbe(info(1))).toBeUndefined();
  });

  test('is not judged by the beginning of its answer', () => {
    expect(REDIS.readProbe(info(1).slice(0, 40))).toBeUndefined();
  });

  test('that has no file to read, as a Sentinel, is ready', () => {
    expect(REDIS.readProbe(bulk('# Server\r\nprocess_id:42\r\n'))).toEqual({ pid: 42 });
  });

  test('that wants a password is ready, and tells no process', () => {
    expect(REDIS.readProbe('-NOAUTH Authentication required.\r\n')).toEqual({ pid: undefined });
  });
});

describe('a Memcached with SASL', () => {
  test('is ready once it has told its version, in the binary protocol', () => {
    expect(SASL_MEMCACHED.probe).toHaveLength(24);
    expect(SASL_MEMCACHED.readProbe(`\x81\x0b${'\0'.repeat(22)}`)).toEqual({ pid: undefined });
    expect(SASL_MEMCACHED.readProbe('\x81\x0b')).toBeUndefined();
    expect(SASL_MEMCACHED.readProbe(`ERROR${' '.repeat(24)}`)).toBeUndefined();
  });
});
