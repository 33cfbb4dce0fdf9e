import { inProcess } from 'tierwise';
import type { Coordinator, CoordinatorListener, PlainStore, Remote, Store } from 'tierwise/driver';
import { describe, expect, it } from 'vitest';
import { type ConformanceCase, plainLayerConformance, remoteConformance } from '../src/conformance/index.ts';
import { SERVER, type Telling, unreachableLayer, unreachableRemote } from './support/unreachable.ts';

type Broken = { readonly coordinator?: Partial<Coordinator>; readonly store?: Partial<Store> };

/** The in-process remote with some of its methods replaced. */
function broken(change: (coordinator: Coordinator, store: Store) => Broken): Remote {
  const whole = inProcess();
  return {
    name: 'broken',
    open(context) {
      const session = whole.open(context);
      return {
        ...session,
        partitions: session.partitions.map(({ coordinator, store }) => {
          const replaced = change(coordinator, store);
          return { coordinator: { ...coordinator, ...replaced.coordinator }, store: { ...store, ...replaced.store } };
        }),
      };
    },
  };
}

function caseOf(name: string, remote: () => Remote): ConformanceCase {
  const found = remoteConformance({ createRemote: remote }).find((one) => one.name === name);
  if (found === undefined) throw new Error(`no case '${name}'`);
  return found;
}

/** What is broken, how, and the case that must notice. */
const BREAKAGES: readonly (readonly [string, string, (coordinator: Coordinator, store: Store) => Broken])[] = [
  [
    'a fill that ignores events since its lease',
    'refuses a fill that an event on its key has overtaken',
    (coordinator, store) => ({
      store: {
        async fill(writes) {
          const member = { id: 'sabotage', leaseMs: 2_000 };
          const { epoch, seq } = await coordinator.tail({ member, epoch: undefined, applied: 0 });
          return store.fill(writes.map((write) => ({ ...write, lease: { epoch, seq } })));
        },
      },
    }),
  ],
  [
    'an event that is lost from the log',
    'numbers events without holes, whoever sends them',
    (coordinator) => ({
      coordinator: {
        async tail(request) {
          const reply = await coordinator.tail(request);
          return { ...reply, events: reply.events.filter(({ seq }) => seq !== 7) };
        },
      },
    }),
  ],
  [
    'an event that comes twice in a tail',
    'answers a tail with what lies after it, and with nothing at the end',
    (coordinator) => ({
      coordinator: {
        async tail(request) {
          const reply = await coordinator.tail(request);
          return { ...reply, events: reply.events.flatMap((event) => [event, event]) };
        },
      },
    }),
  ],
  [
    'a snapshot without its prefixes',
    'shows the newest version of every name in a snapshot',
    (coordinator) => ({
      coordinator: {
        async tail(request) {
          const reply = await coordinator.tail(request);
          if (reply.snapshot === undefined) return reply;
          return { ...reply, snapshot: { ...reply.snapshot, prefixes: new Map() } };
        },
      },
    }),
  ],
  [
    'versions that are pruned and leave no floor',
    'forgets old versions only into floors',
    (coordinator) => ({
      coordinator: {
        async tail(request) {
          const reply = await coordinator.tail(request);
          return reply.snapshot === undefined
            ? reply
            : { ...reply, snapshot: { ...reply.snapshot, floors: new Map() } };
        },
      },
    }),
  ],
  [
    'a message that names other keys than were invalidated',
    'brings every event to every session, the sender included',
    (coordinator) => ({
      coordinator: {
        listen: (listener: CoordinatorListener) =>
          coordinator.listen({
            ...listener,
            onMessage: (event) => listener.onMessage({ ...event, invalidation: { ...event.invalidation, keys: [] } }),
          }),
      },
    }),
  ],
  [
    'an invalidation that leaves the entry stored',
    'drops a key that is invalidated',
    (coordinator) => ({
      coordinator: {
        invalidate: (invalidation, fence) => coordinator.invalidate({ ...invalidation, keys: [], tags: ['t'] }, fence),
      },
    }),
  ],
  [
    'a fence that is never closed',
    'refuses fills and sets under a closed fence until it is lifted',
    (coordinator) => ({
      coordinator: { invalidate: (invalidation) => coordinator.invalidate(invalidation, undefined) },
    }),
  ],
  [
    'a read in another order than asked',
    'answers undefined for what is not there, in the order asked, with the timeline of the tail',
    (_, store) => ({
      store: {
        read: async (keys) => ({
          ...(await store.read(keys)),
          values: (await store.read(keys.toSorted())).values.slice(1),
        }),
      },
    }),
  ],
  [
    'bytes that are cut short',
    'keeps any bytes: none, all values, a megabyte',
    (_, store) => ({
      store: {
        async read(keys) {
          const reply = await store.read(keys);
          return { ...reply, values: reply.values.map((value) => value?.subarray(0, 1_000)) };
        },
      },
    }),
  ],
  [
    'a set that does not tell of a conflict',
    'turns a set that an event has overtaken into an invalidation',
    (_, store) => ({
      store: {
        async set(writes) {
          const reply = await store.set(writes);
          return { ...reply, outcomes: reply.outcomes.map(() => 'stored' as const) };
        },
      },
    }),
  ],
  [
    'a lifetime that is ignored',
    'forgets when a lifetime is over, and only then',
    (_, store) => ({
      store: { fill: (writes) => store.fill(writes.map((write) => ({ ...write, ttlMs: 0 }))) },
    }),
  ],
];

describe('the conformance suites notice', () => {
  for (const [breakage, name, change] of BREAKAGES) {
    it(breakage, async () => {
      await caseOf(name, () => inProcess()).run();
      await expect(caseOf(name, () => broken(change)).run()).rejects.toMatchObject({ name: 'AssertionError' });
    });
  }
});

/** A layer without scripts in a map, with a method replaced. */
function plainCase(name: string, change: Partial<PlainStore> = {}): ConformanceCase {
  const items = new Map<string, Uint8Array>();
  const store: PlainStore = {
    limits: { maxBatch: 100, maxValueBytes: 1_000_000, parts: 2 },
    partOf: (stored) => stored.length % 2,
    read: async (names) => names.map((stored) => items.get(stored)),
    write: async (writes) => {
      for (const write of writes) items.set(write.name, write.bytes);
      return writes.map(() => undefined);
    },
    close: async () => {},
    ...change,
  };
  const createLayer = () => ({ name: 'map', connect: () => store });
  const cases = plainLayerConformance({ createLayer, createAuthority: () => inProcess() });
  const found = cases.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no case '${name}'`);
  return found;
}

describe('the suite of a layer without scripts notices', () => {
  let turn = 0;
  const breakages: readonly (readonly [string, string, Partial<PlainStore>])[] = [
    ['a part beyond the last', 'places each name in one part, always the same', { partOf: () => 2 }],
    [
      'a name that moves to another part',
      'places each name in one part, always the same',
      { partOf: () => (turn++ < 100 ? 0 : 1) },
    ],
    [
      'a batch that is cut short',
      'takes batches as large as it says',
      { read: async (names) => names.slice(1).map(() => undefined) },
    ],
  ];
  it.each(breakages)('%s', async (_, name, change) => {
    await plainCase(name).run();
    await expect(plainCase(name, change).run()).rejects.toMatchObject({ name: 'AssertionError' });
  });
});

describe.concurrent('both suites notice, after an outage,', () => {
  const NAME = 'reports that the server answers again after it was refused';
  const run = (suite: 'remote' | 'plain', tell: Telling): Promise<void> => {
    const cases =
      suite === 'remote'
        ? remoteConformance({
            createRemote: () => inProcess(),
            createUnreachable: async () => unreachableRemote(tell),
          })
        : plainLayerConformance({
            createLayer: () => unreachableLayer(tell).layer,
            createAuthority: () => inProcess(),
            createUnreachable: async () => unreachableLayer(tell),
          });
    const found = cases.find((one) => one.name === NAME);
    if (found === undefined) throw new Error(`no case '${NAME}'`);
    return found.run();
  };
  const breakages: readonly (readonly [string, Telling])[] = [
    ['a layer that never says that it is over', () => {}],
    ['a layer that says so of another server than the one it reported', ({ onRecovered }) => onRecovered('h:2')],
  ];
  for (const suite of ['remote', 'plain'] as const) {
    for (const [breakage, tell] of breakages) {
      it(`${breakage}: ${suite}`, async () => {
        await run(suite, ({ onRecovered }) => onRecovered());
        await run(suite, ({ onRecovered }) => onRecovered(SERVER));
        await expect(run(suite, tell)).rejects.toMatchObject({
          name: 'AssertionError',
          message: expect.stringContaining('onRecovered'),
        });
      });
    }
  }
});
