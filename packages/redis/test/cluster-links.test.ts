import { AsyncLocalStorage } from 'node:async_hooks';
import { CacheError } from 'tierwise/driver';
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../core/test/support/fake-clock.ts';
import { ClusterLinks } from '../src/cluster-links.ts';
import type { ClusterTopology } from '../src/cluster-topology.ts';
import { keySlot } from '../src/key-slot.ts';
import { Layout } from '../src/layout.ts';
import { Names } from '../src/names.ts';
import type { NodeAddress } from '../src/node-address.ts';
import type { NodeLinks, NodeLinksOptions, Tenant } from '../src/node-links.ts';
import { PartitionLinks } from '../src/partition-links.ts';

/** Stands in for the links to one node. */
class FakeNode {
  readonly tenants = new Set<Tenant>();
  readonly address: NodeAddress;
  readonly lose: (error: CacheError) => void;
  readonly restore: () => void;
  isUp = true;
  isWhole = true;
  isClosed = false;
  inspections = 0;

  constructor(address: NodeAddress, { onDown, onWhole }: Pick<NodeLinksOptions, 'onDown' | 'onWhole'>) {
    this.address = address;
    this.lose = onDown;
    this.restore = onWhole;
  }

  get isEmpty(): boolean {
    return this.tenants.size === 0;
  }

  admit(tenant: Tenant): void {
    this.tenants.add(tenant);
  }

  release(tenant: Tenant): void {
    this.tenants.delete(tenant);
  }

  async inspect(): Promise<void> {
    this.inspections++;
  }

  open(): void {}

  close(): void {
    this.isClosed = true;
  }
}

const NAMES = [0, 1].map((partition) => new Names({ cacheName: 'c', keyPrefix: '', database: 0, partition }));
const GONE = new CacheError('REMOTE_UNAVAILABLE', 'gone');

let clock: FakeClock;
let nodes: FakeNode[];
let lookUps: number;
/** Port of the primary of each partition, as a look-up tells it; `undefined` where none does. */
let told: (number | undefined)[] | CacheError;
let heard: string[];
let partitions: PartitionLinks[];
let errors: unknown[];
let recoveries: number;
/** The request in which each node's links were made. */
let madeIn: unknown[];

const request = new AsyncLocalStorage<string>();

beforeEach(async () => {
  clock = new FakeClock();
  nodes = [];
  lookUps = 0;
  told = [1, 2];
  heard = [];
  errors = [];
  recoveries = 0;
  madeIn = [];
  const topology: Pick<ClusterTopology, 'lookUp'> = {
    lookUp: async () => {
      lookUps++;
      if (!Array.isArray(told)) throw told;
      const bySlot = new Map(told.map((port, index) => [slotOf(index), port]));
      return (slot) => {
        const port = bySlot.get(slot);
        return port === undefined ? undefined : { host: 'h', port };
      };
    },
  };
  const cluster = new ClusterLinks({
    clock,
    topology: topology as ClusterTopology,
    reach: (address) => {
      if (address.host === 'unmapped') throw new CacheError('INVALID_OPTIONS', 'the natMap is wrong');
      return address;
    },
    createLinks: (address, watch) => {
      const node = new FakeNode(address, watch);
      nodes.push(node);
      madeIn.push(request.getStore());
      return node as unknown as NodeLinks;
    },
    onError: (error) => errors.push(error),
    onRecovered: () => recoveries++,
  });
  partitions = NAMES.map((names, index) => {
    return new PartitionLinks({
      index,
      names,
      layout: new Layout({ partitions: 2, clock, leaseMs: 1_000 }),
      isSharded: true,
      onOpen: (partition) => cluster.place(partition),
      onRedirected: (partition, home, reply) => cluster.redirect(partition, home, reply),
    });
  });
  for (const partition of partitions) {
    partition.open({
      onConnected: () => heard.push(`${partition.index} up`),
      onDisconnected: () => heard.push(`${partition.index} down`),
      onDoubt() {},
      onMessage() {},
    });
  }
  await clock.advance(100);
});

function slotOf(index: number): number {
  return keySlot(NAMES[index]?.state[0] ?? '');
}

/** The port of the node that each partition is on. */
function homes(): (number | undefined)[] {
  return partitions.map(({ home }) => (home as unknown as FakeNode | undefined)?.address.port);
}

function nodeAt(port: number): FakeNode {
  return nodes.findLast(({ address }) => address.port === port) as FakeNode;
}

test('one look-up places all partitions, each on its primary', () => {
  expect(homes()).toEqual([1, 2]);
  expect(lookUps).toBe(1);
  expect(heard).toEqual([]);
});

describe('MOVED', () => {
  test('takes the one partition along, at once, and ends the links to a node that serves none any more', () => {
    partitions[0]?.onRedirected(`MOVED ${slotOf(0)} h:2`);
    expect(homes()).toEqual([2, 2]);
    expect(nodes.map(({ isClosed }) => isClosed)).toEqual([true, false]);
    expect(heard).toEqual(['0 down']);
    expect(lookUps).toBe(1);
  });

  test('to an address that the natMap has no use for harms nobody, and is looked up', async () => {
    partitions[0]?.onRedirected(`MOVED ${slotOf(0)} unmapped:3`);
    expect(homes()).toEqual([undefined, 2]);
    expect(heard).toEqual(['0 down']);
    await clock.advance(5_000);
    expect(homes()).toEqual([1, 2]);
  });

  test('has the node looked at: it may be no primary any more', () => {
    partitions[0]?.onRedirected(`MOVED ${slotOf(0)} h:3`);
    expect(nodeAt(1).inspections).toBe(1);
  });

  test.each([
    ['to and fro', 'h:1'],
    ['to nowhere', ':0'],
    ['without an address', ''],
  ])('%s is not followed: a look-up decides, after a pause', async (_, target) => {
    partitions[0]?.onRedirected(`MOVED ${slotOf(0)} h:3`);
    told = [4, 2];
    partitions[0]?.onRedirected(`MOVED ${slotOf(0)} ${target}`);
    expect(homes()).toEqual([undefined, 2]);
    await clock.advance(100);
    expect(homes()).toEqual([4, 2]);
    expect(lookUps).toBe(2);
  });

  test('of a node that it has left already changes nothing', () => {
    const left = partitions[0]?.home as NodeLinks;
    partitions[0]?.onRedirected(`MOVED ${slotOf(0)} h:3`);
    expect(homes()).toEqual([3, 2]);
    expect(left).not.toBe(partitions[0]?.home);
    partitions[1]?.onRedirected(`MOVED ${slotOf(1)} h:3`);
    expect(homes()).toEqual([3, 3]);
  });
});

test('a cluster has recovered once every partition has a server that answers and sends messages', async () => {
  const node = nodeAt(2);
  node.isUp = false;
  node.isWhole = false;
  recoveries = 0;
  node.lose(GONE);
  nodeAt(1).restore();
  await clock.advance(5_000);
  expect(recoveries).toBe(0);
  node.isUp = true;
  await clock.advance(5_000);
  expect(recoveries).toBe(0);
  node.isWhole = true;
  node.restore();
  expect(recoveries).toBe(1);
});

test('a cluster has recovered also where another node takes over that is up already', async () => {
  const node = nodeAt(2);
  node.isUp = false;
  node.isWhole = false;
  told = [1, 1];
  recoveries = 0;
  node.lose(GONE);
  await clock.advance(5_000);
  expect(homes()).toEqual([1, 1]);
  expect(recoveries).toBeGreaterThan(0);
});

test('a slot on its way is waited for', async () => {
  partitions[0]?.onRedirected(`ASK ${slotOf(0)} h:3`);
  partitions[0]?.onRedirected('TRYAGAIN Multiple keys request during rehashing of slot');
  await clock.advance(5_000);
  expect(homes()).toEqual([1, 2]);
  expect(lookUps).toBe(1);
});

test('a node that serves nobody is asked no more once others know better, however alive it is', async () => {
  told = [3, 4];
  partitions[0]?.onRedirected('CLUSTERDOWN The cluster is down');
  await clock.advance(100);
  expect(homes()).toEqual([3, 2]);
});

test('a partition whose links are up stays, whatever a look-up says', async () => {
  nodeAt(2).isUp = false;
  told = [3, 4];
  nodeAt(2).lose(GONE);
  await clock.advance(100);
  expect(homes()).toEqual([1, 4]);
});

test('while a node is away it is looked up again and again, less and less often, and no more afterwards', async () => {
  nodeAt(1).isUp = false;
  for (let i = 0; i < 20; i++) nodeAt(1).lose(GONE);
  await clock.advance(10_000);
  expect(lookUps).toBeGreaterThan(10);
  expect(lookUps).toBeLessThan(40);
  nodeAt(1).isUp = true;
  await clock.advance(1_000);
  const settled = lookUps;
  await clock.advance(60_000);
  expect(lookUps).toBe(settled);
});

test('connections that a request gives rise to are none of its own', async () => {
  request.run('one', () => partitions[0]?.onRedirected(`MOVED ${slotOf(0)} h:3`));
  told = [3, 4];
  nodeAt(2).isUp = false;
  await request.run('another', () => {
    partitions[1]?.onRedirected('CLUSTERDOWN');
    return clock.advance(100);
  });
  expect(homes()).toEqual([3, 4]);
  expect(madeIn).toEqual([undefined, undefined, undefined, undefined]);
});

test('partitions that nobody serves hear of it, and are served as soon as somebody does', async () => {
  told = [undefined, 2];
  partitions[0]?.onRedirected(`MOVED ${slotOf(0)} :0`);
  heard = [];
  await clock.advance(100);
  expect(heard).toContain('0 down');
  told = new CacheError('REMOTE_UNAVAILABLE', 'nobody answers');
  await clock.advance(1_000);
  expect(errors).toContain(told);
  told = [5, 2];
  await clock.advance(1_000);
  expect(homes()).toEqual([5, 2]);
});
