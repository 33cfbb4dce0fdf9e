import type { NatMap, RedisOptions, SentinelAddress } from 'ioredis';
import { checkObject, describe, invalidOption } from 'tierwise/driver';
import type { NodeAddress } from './node-address.ts';

/** The ways to say where Redis is; exactly one of them is given. */
const ADDRESSES = ['url', 'client', 'sentinels', 'cluster'] as const;

type AddressKind = (typeof ADDRESSES)[number];

/** Options of `cluster` that are easily put beside it. */
const OF_CLUSTER = ['nodes', 'natMap', 'partitions'];

const HIGHEST_PORT = 65_535;

/** Which address is given, and nothing beside it that the options of this kind do not have. */
export function checkKind(options: unknown, allowed: Readonly<Record<AddressKind, readonly string[]>>): AddressKind {
  if (typeof options !== 'object' || options === null) {
    throw invalidOption('redis', `must be an object, got ${describe(options)}`);
  }
  const names = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  const given = ADDRESSES.filter((kind) => names.includes(kind));
  const [kind] = given;
  const known = kind === undefined ? [] : allowed[kind];
  const misplaced = names.find((name) => OF_CLUSTER.includes(name) && !known.includes(name));
  if (misplaced !== undefined) {
    const place = `it belongs to cluster: { cluster: { ${misplaced} } }`;
    throw invalidOption('redis', `has no option '${misplaced}'; ${place}`);
  }
  if (kind === undefined || given.length > 1) {
    throw invalidOption('redis', `must be given one of ${inWords(ADDRESSES, 'or')}, got ${inWords(given, 'and')}`);
  }
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw invalidOption('redis', `has no option '${unknown}'; there are: ${known.join(', ')}`);
  return kind;
}

export function checkUrl(url: unknown): asserts url is string {
  const isUrl = typeof url === 'string' && URL.canParse(url);
  const protocol = isUrl ? new URL(url).protocol : '';
  if (protocol === 'redis:' || protocol === 'rediss:') return;
  const text = isUrl ? `the protocol ${protocol}` : 'a string that is no URL';
  const got = typeof url === 'string' ? text : describe(url);
  throw invalidOption('redis.url', `must look like redis://host:port or rediss://host:port, got ${got}`);
}

/** What is handed on to ioredis, which knows its own options. */
export function checkClientOptions(options: RedisOptions | undefined, subject: string): RedisOptions {
  if (options === undefined) return {};
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return options;
  throw invalidOption(subject, `must be an object, got ${describe(options)}`);
}

export function checkNodes(nodes: unknown, subject: string): NodeAddress[] {
  return checkList(nodes, subject, 'node').map((node, index) => checkAddress(node, `${subject}[${index}]`));
}

export function checkSentinels(sentinels: unknown, subject: string): Partial<SentinelAddress>[] {
  return checkList(sentinels, subject, 'sentinel').map((sentinel, index) => {
    const own = `${subject}[${index}]`;
    checkObject(sentinel, own, ['host', 'port', 'family']);
    const { host, port } = sentinel as Partial<SentinelAddress>;
    if (host !== undefined) checkName(host, `${own}.host`, 'text');
    if (port !== undefined) checkPort(port, `${own}.port`);
    return sentinel;
  });
}

export function checkName(name: unknown, subject: string, what: string): asserts name is string {
  if (typeof name === 'string' && name !== '') return;
  throw invalidOption(subject, `must be ${what}, got ${name === '' ? 'an empty one' : describe(name)}`);
}

/** As ioredis takes it. What a function answers is only known when an address is announced. */
export function checkNatMap(natMap: unknown, subject: string): asserts natMap is NatMap | undefined {
  if (natMap === undefined || typeof natMap === 'function') return;
  if (typeof natMap !== 'object' || natMap === null || Array.isArray(natMap)) {
    throw invalidOption(subject, `must be an object or a function, got ${describe(natMap)}`);
  }
  for (const [announced, address] of Object.entries(natMap)) {
    if (!/.:\d+$/.test(announced)) {
      throw invalidOption(subject, `must have names of the form host:port, got '${announced}'`);
    }
    checkAddress(address, `${subject}['${announced}']`);
  }
}

function checkAddress(address: unknown, subject: string): NodeAddress {
  checkObject(address, subject, ['host', 'port']);
  return toAddress(address, subject);
}

/** The address in an object that may hold more than that. */
export function toAddress(address: unknown, subject: string): NodeAddress {
  if (typeof address !== 'object' || address === null) {
    throw invalidOption(subject, `must be an object, got ${describe(address)}`);
  }
  const { host, port } = address as Partial<NodeAddress>;
  checkName(host, `${subject}.host`, 'text');
  checkPort(port, `${subject}.port`);
  return { host, port };
}

function checkPort(port: unknown, subject: string): asserts port is number {
  if (Number.isSafeInteger(port) && (port as number) >= 1 && (port as number) <= HIGHEST_PORT) return;
  throw invalidOption(subject, `must be a whole number from 1 to ${HIGHEST_PORT}, got ${describe(port)}`);
}

function checkList(list: unknown, subject: string, what: string): readonly unknown[] {
  if (Array.isArray(list) && list.length > 0) return list as unknown[];
  const got = Array.isArray(list) ? 'an empty one' : describe(list);
  throw invalidOption(subject, `must be a list of at least one ${what}, got ${got}`);
}

/** `a, b and c`; of nothing `none`. */
function inWords(words: readonly string[], last: 'and' | 'or'): string {
  if (words.length < 2) return words[0] ?? 'none';
  return `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;
}
