import { Cluster, Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { redis } from '../src/index.ts';
import { resolveRedisOptions } from '../src/options.ts';

const URL = 'redis://127.0.0.1:1';
const NODE = { host: 'h', port: 7_000 };
const ADDRESSES = 'url, client, sentinels or cluster';

/** A client that never connects. */
function client(): Redis {
  const made = new Redis({ lazyConnect: true });
  onTestFinished(() => made.disconnect());
  return made;
}

function refusal(options: unknown): string {
  try {
    redis(options as never);
  } catch (error) {
    expect(error).toMatchObject({ name: 'CacheError', code: 'INVALID_OPTIONS' });
    return (error as Error).message;
  }
  return 'accepted';
}

const withNodes = (nodes: unknown) => ({ cluster: { nodes } });
const withNatMap = (natMap: unknown) => ({ cluster: { nodes: [NODE], natMap } });
const withSentinel = (sentinel: unknown) => ({ sentinels: [sentinel], name: 'mymaster' });

describe('redis() refuses, naming the rule and what it was given,', () => {
  test.each<[what: string, options: unknown, message: string]>([
    ['nothing', undefined, 'redis must be an object, got undefined'],
    ['text', URL, 'redis must be an object, got a string'],
    ['no address', {}, `redis must be given one of ${ADDRESSES}, got none`],
    ['an address left out', { url: undefined }, `redis must be given one of ${ADDRESSES}, got none`],
    [
      'two addresses',
      { url: URL, cluster: withNodes([NODE]) },
      `redis must be given one of ${ADDRESSES}, got url and cluster`,
    ],
    [
      'four addresses',
      { url: URL, client: {}, sentinels: [], cluster: {} },
      `redis must be given one of ${ADDRESSES}, got url, client, sentinels and cluster`,
    ],
    [
      'nodes beside an address',
      { url: URL, nodes: [NODE] },
      "redis has no option 'nodes'; it belongs to cluster: { cluster: { nodes } }",
    ],
    [
      'a natMap and no address',
      { natMap: {} },
      "redis has no option 'natMap'; it belongs to cluster: { cluster: { natMap } }",
    ],
    [
      'partitions of no cluster',
      { url: URL, partitions: 4 },
      "redis has no option 'partitions'; it belongs to cluster: { cluster: { partitions } }",
    ],
    [
      'an option there is not',
      { url: URL, retries: 3 },
      "redis has no option 'retries'; there are: url, options, commandTimeout",
    ],
    ['options that are none', { url: URL, options: 'tls' }, 'redis.options must be an object, got a string'],
    ['a url that is not text', { url: 7 }, 'redis.url must look like redis://host:port or rediss://host:port, got 7'],
    [
      'a url of another protocol',
      { url: 'http://user:secret@h' },
      'redis.url must look like redis://host:port or rediss://host:port, got the protocol http:',
    ],
    [
      'a url that is none',
      { url: 'localhost' },
      'redis.url must look like redis://host:port or rediss://host:port, got a string that is no URL',
    ],
    ['a client that is none', { client: 7 }, 'redis.client must be an ioredis Redis or Cluster, got 7'],
    ['a cluster that is none', { cluster: [NODE] }, 'redis.cluster must be an object, got an array'],
    [
      'nodes that are no list',
      withNodes(NODE),
      'redis.cluster.nodes must be a list of at least one node, got an object',
    ],
    ['no nodes', withNodes([]), 'redis.cluster.nodes must be a list of at least one node, got an empty one'],
    [
      'an option of a cluster there is not',
      { cluster: { nodes: [NODE], shards: 1 } },
      "redis.cluster has no option 'shards'; there are: nodes, partitions, natMap, options",
    ],
    [
      'half a partition',
      { cluster: { nodes: [NODE], partitions: 1.5 } },
      'redis.cluster.partitions must be a whole number from 1 to 1024, got 1.5',
    ],
    [
      'a client without what one has',
      { client: {} },
      'redis.client must be an ioredis Redis or Cluster, got an object',
    ],
    ['a node as text', withNodes(['h:7000']), 'redis.cluster.nodes[0] must be an object, got a string'],
    [
      'a node without a host',
      withNodes([NODE, { port: 1 }]),
      'redis.cluster.nodes[1].host must be text, got undefined',
    ],
    [
      'a node with an empty host',
      withNodes([{ host: '', port: 1 }]),
      'redis.cluster.nodes[0].host must be text, got an empty one',
    ],
    [
      'a node without a port',
      withNodes([{ host: 'h' }]),
      'redis.cluster.nodes[0].port must be a whole number from 1 to 65535, got undefined',
    ],
    [
      'a port as text',
      withNodes([{ host: 'h', port: '7000' }]),
      'redis.cluster.nodes[0].port must be a whole number from 1 to 65535, got a string',
    ],
    [
      'a port too high',
      withNodes([{ host: 'h', port: 65_536 }]),
      'redis.cluster.nodes[0].port must be a whole number from 1 to 65535, got 65536',
    ],
    [
      'an option of a node there is not',
      withNodes([{ ...NODE, password: 'p' }]),
      "redis.cluster.nodes[0] has no option 'password'; there are: host, port",
    ],
    ['a natMap that is none', withNatMap('h:1'), 'redis.cluster.natMap must be an object or a function, got a string'],
    [
      'a natMap by host alone',
      withNatMap({ h: NODE }),
      "redis.cluster.natMap must have names of the form host:port, got 'h'",
    ],
    ['a natMap to text', withNatMap({ 'h:1': 'g:1' }), "redis.cluster.natMap['h:1'] must be an object, got a string"],
    [
      'a natMap to half an address',
      withNatMap({ 'h:1': { host: 'g' } }),
      "redis.cluster.natMap['h:1'].port must be a whole number from 1 to 65535, got undefined",
    ],
    [
      'options of nodes that are none',
      { cluster: { nodes: [NODE], options: 7 } },
      'redis.cluster.options must be an object, got 7',
    ],
    [
      'too many partitions',
      { cluster: { nodes: [NODE], partitions: 1_025 } },
      'redis.cluster.partitions must be a whole number from 1 to 1024, got 1025',
    ],
    [
      'sentinels that are no list',
      { sentinels: 7, name: 'n' },
      'redis.sentinels must be a list of at least one sentinel, got 7',
    ],
    [
      'no sentinels',
      { sentinels: [], name: 'n' },
      'redis.sentinels must be a list of at least one sentinel, got an empty one',
    ],
    ['a sentinel as text', withSentinel('h:26379'), 'redis.sentinels[0] must be an object, got a string'],
    [
      'a sentinel with a port as text',
      withSentinel({ port: '1' }),
      'redis.sentinels[0].port must be a whole number from 1 to 65535, got a string',
    ],
    ['a sentinel with no host', withSentinel({ host: null }), 'redis.sentinels[0].host must be text, got null'],
    ['sentinels without a name', { sentinels: [NODE] }, 'redis.name must be the name of the group, got undefined'],
  ])('%s', (_what, options, message) => {
    expect(refusal(options)).toBe(message);
  });

  test('partitions for a client that is no cluster', () => {
    expect(refusal({ client: client(), partitions: 4 })).toBe(
      'redis.partitions is for a Cluster client only, got a Redis',
    );
  });
});

// Symptom: a natMap of the user's own client was blamed on `redis.cluster`, which the user had not given.
test.each([
  ['function', () => 'h:7', "('inner:7') must be an object, got a string"],
  ['table', { 'inner:7': { host: 'h' } }, "['inner:7'].port must be a whole number from 1 to 65535, got undefined"],
])('what is wrong with the natMap of a client is told of that client: a %s', (_, natMap, fault) => {
  const cluster = new Cluster([NODE], { lazyConnect: true, natMap: natMap as never });
  onTestFinished(() => cluster.disconnect());
  const { reach } = resolveRedisOptions({ client: cluster });
  expect(() => reach({ host: 'inner', port: 7 })).toThrowError(
    expect.objectContaining({ code: 'INVALID_OPTIONS', message: `redis.client.options.natMap${fault}` }),
  );
});

describe('a natMap that is a function', () => {
  const reach = (natMap: unknown) =>
    resolveRedisOptions({ cluster: { nodes: [NODE], natMap: natMap as never } }).reach({ host: 'inner', port: 7 });

  test('leaves an address as it is where it answers nothing', () => {
    for (const nothing of [undefined, null]) expect(reach(() => nothing)).toEqual({ host: 'inner', port: 7 });
    expect(reach((address: string) => (address === 'inner:7' ? { ...NODE, family: 4 } : null))).toEqual(NODE);
  });

  test('is told what is wrong with its answer', () => {
    const message = "redis.cluster.natMap('inner:7') must be an object, got a string";
    expect(() => reach(() => 'h:7')).toThrowError(expect.objectContaining({ code: 'INVALID_OPTIONS', message }));
  });
});

test('what is left out may be written as undefined', () => {
  expect(refusal({ url: undefined, client: undefined, cluster: { nodes: [NODE], natMap: undefined } })).toBe(
    'accepted',
  );
  expect(refusal({ url: URL, cluster: undefined, options: undefined })).toBe('accepted');
  expect(refusal({ sentinels: [{}], name: 'mymaster' })).toBe('accepted');
});

test.each([0, -1, Number.NaN, 'soon', null])('a command timeout of %s is refused', (commandTimeout) => {
  expect(() => redis({ url: URL, commandTimeout } as never)).toThrowError(
    expect.objectContaining({ code: 'INVALID_DURATION' }),
  );
});
