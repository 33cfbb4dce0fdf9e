import { checkObject, type Duration, invalidOption, toMs, wholeNumber } from 'tierwise/driver';

export interface MemcachedOptions {
  /** `host:port`, several with commas between them; an IPv6 address in brackets. The port is 11211 where it is left out. */
  readonly servers: string;
  /** With `password`: SASL PLAIN, for all servers. */
  readonly username?: string;
  readonly password?: string;
  /** Deadline of every command, connecting included. Default `'500ms'`, range 10 ms to 1 min. */
  readonly commandTimeout?: Duration;
  /** Largest item the servers take, as their `-I` says. Default 1,048,576, range 16,384 to 128 MiB. */
  readonly maxItemBytes?: number;
}

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** As every instance has to spell it. */
  readonly text: string;
}

export interface ResolvedMemcachedOptions {
  readonly addresses: readonly ServerAddress[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly deadlineMs: number;
  readonly maxItemBytes: number;
}

const DEFAULT_DEADLINE_MS = 500;
/** Ends included: shorter than a round trip nothing works, and longer than this is waiting. */
const DEADLINE_RANGE_MS = [10, 60_000] as const;
const DEFAULT_ITEM_BYTES = 1024 * 1024;
const ITEM_RANGE_BYTES = [16_384, 128 * 1024 * 1024] as const;
const DEFAULT_PORT = 11_211;
const MAX_PORT = 65_535;
const ADDRESS = /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\],]+))(?::(\d{1,5}))?$/i;

/**
 * Validates the options of `memcached()`.
 *
 * @throws {CacheError} `INVALID_OPTIONS`, `INVALID_DURATION`
 */
export function resolveMemcachedOptions(options: MemcachedOptions): ResolvedMemcachedOptions {
  checkObject(options, 'memcached', ['servers', 'username', 'password', 'commandTimeout', 'maxItemBytes']);
  const { username, password, commandTimeout } = options;
  if ((username === undefined) !== (password === undefined)) {
    throw invalidOption('memcached.username', 'and password belong together: give both or neither');
  }
  const deadlineMs =
    commandTimeout === undefined ? DEFAULT_DEADLINE_MS : toMs(commandTimeout, 'memcached.commandTimeout');
  wholeNumber(deadlineMs, undefined, 'memcached.commandTimeout', DEADLINE_RANGE_MS);
  return {
    addresses: parseServers(options.servers),
    username,
    password,
    deadlineMs,
    maxItemBytes: wholeNumber(options.maxItemBytes, DEFAULT_ITEM_BYTES, 'memcached.maxItemBytes', ITEM_RANGE_BYTES),
  };
}

function parseServers(servers: unknown): readonly ServerAddress[] {
  if (typeof servers !== 'string' || servers.trim() === '') {
    throw invalidOption('memcached.servers', "must be 'host:port', several with commas between them");
  }
  const addresses = servers.split(',').map((text) => parseAddress(text.trim()));
  if (new Set(addresses.map(({ text }) => text)).size < addresses.length) {
    throw invalidOption('memcached.servers', 'must name each server once');
  }
  return addresses;
}

function parseAddress(given: string): ServerAddress {
  const [, ipv6, name, digits] = ADDRESS.exec(given) ?? [];
  const host = ipv6 ?? name;
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  if (host === undefined || port === 0 || port > MAX_PORT) {
    throw invalidOption('memcached.servers', "must be 'host:port', several with commas between them");
  }
  return { host, port, text: `${host.toLowerCase()}:${port}` };
}
