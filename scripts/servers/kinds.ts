import type { ServerKind } from './server.ts';

function numberIn(answer: string, pattern: RegExp): number | undefined {
  const digits = pattern.exec(answer)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Redis, or Valkey, which answers to the same protocol. */
export const REDIS: ServerKind = {
  title: 'Redis',
  envVariable: 'REDIS_URL',
  binaries: ['redis-server', 'valkey-server'],
  aptPackage: 'redis-server',
  image: 'redis:7-alpine',
  imagePort: 6379,
  defaultPort: 6379,
  urlScheme: 'redis',
  localArgs: (port) => [
    ...['--bind', '127.0.0.1'],
    ...['--port', String(port)],
    ...['--dir', '.'],
    ...['--save', ''],
    ...['--appendonly', 'no'],
    ...['--loglevel', 'warning'],
  ],
  containerCommand: (args) => ['redis-server', '--save', '', '--appendonly', 'no', ...args],
  probe: 'INFO\r\n',
  readProbe(answer) {
    // A server that wants a password is up; it only does not say which process it is.
    if (answer.startsWith('-NOAUTH')) return { pid: undefined };
    const [start, length] = /^\$(\d+)\r\n/.exec(answer) ?? [];
    if (start === undefined || answer.length < start.length + Number(length)) return undefined;
    // While it reads its file it tells of itself and refuses all else. A Sentinel has none to read.
    if (answer.includes('\r\nloading:1\r\n')) return undefined;
    const pid = numberIn(answer, /\r\nprocess_id:(\d+)\r\n/);
    return pid === undefined ? undefined : { pid };
  },
};

/** Memcached, speaking its text protocol. */
export const MEMCACHED: ServerKind = {
  title: 'Memcached',
  envVariable: 'MEMCACHED_URL',
  binaries: ['memcached'],
  aptPackage: 'memcached',
  image: 'memcached:1.6-alpine',
  imagePort: 11211,
  defaultPort: 11211,
  urlScheme: 'memcached',
  localArgs: (port) => [
    ...['-l', '127.0.0.1'],
    ...['-p', String(port)],
    ...['-U', '0'],
    ...['-m', '64'],
    // As root it refuses to start without a user to become.
    ...(process.getuid?.() === 0 ? ['-u', 'nobody'] : []),
  ],
  containerCommand: (args) => ['memcached', ...args],
  probe: 'stats\r\n',
  readProbe(answer) {
    const pid = numberIn(answer, /STAT pid (\d+)\r\n/);
    return pid === undefined ? undefined : { pid };
  },
};

/** A request of Memcached's binary protocol without key, value or extras: 24 bytes, of which two are not zero. */
const BINARY_VERSION = `\x80\x0b${'\0'.repeat(22)}`;
const BINARY_HEADER_BYTES = 24;

/** Memcached that wants to know who asks: it speaks the binary protocol only, and tells strangers no more than its version. */
export const SASL_MEMCACHED: ServerKind = {
  ...MEMCACHED,
  title: 'Memcached with SASL',
  localArgs: (port) => [...MEMCACHED.localArgs(port), '-S'],
  probe: BINARY_VERSION,
  readProbe(answer) {
    const isAnswer = answer.length >= BINARY_HEADER_BYTES && answer.startsWith('\x81\x0b');
    return isAnswer ? { pid: undefined } : undefined;
  },
};
