import assert from 'node:assert/strict';
import { CacheError, type PlainStore, type Remote, randomEpoch, systemClock } from 'tierwise/driver';
import { ODD_NAMES } from './odd-names.ts';
import { plainFailureConformance } from './plain-failure-suite.ts';
import { plainRemote } from './plain-remote.ts';
import { storeConformance } from './store-suite.ts';
import type { ConformanceCase, PlainConformanceSubject } from './subject.ts';

const CASES: readonly (readonly [name: string, body: (store: PlainStore, stem: string) => Promise<void>])[] = [
  ['answers each name for itself, in the order asked', inOrder],
  ['replaces what is stored under a name', replaces],
  ['keeps names apart, whatever they hold and however long they are', keepsApart],
  ['keeps an entry through its lifetime', keepsAlive],
  ['places each name in one part, always the same', placesNames],
  ['takes batches as large as it says', takesBatches],
  ['takes a value as large as it says', takesLargest],
  ['answers for every name after it was closed', answersWhenClosed],
];

/** Everything a layer without scripts promises, by itself and as a store beside an authority. */
export function plainLayerConformance(subject: PlainConformanceSubject): ConformanceCase[] {
  const own = CASES.map(([name, body]) => ({
    name,
    async run() {
      const layer = await subject.createLayer();
      const store = layer.connect({
        cacheName: 'conformance',
        clock: systemClock,
        onError: () => {},
        onRecovered: () => {},
      });
      try {
        await body(store, randomEpoch());
      } finally {
        await store.close();
      }
    },
  }));
  const createRemote = async (): Promise<Remote> =>
    plainRemote(await subject.createAuthority(), await subject.createLayer());
  return [...own, ...plainFailureConformance(subject), ...storeConformance({ createRemote })];
}

async function inOrder(store: PlainStore, stem: string): Promise<void> {
  const [a, b, c] = [`${stem}:a`, `${stem}:b`, `${stem}:c`];
  assert.deepEqual(await put(store, [a, 'A'], [c, 'C']), [undefined, undefined]);
  assert.deepEqual(await texts(store, [c, b, a]), ['C', undefined, 'A']);
}

async function replaces(store: PlainStore, stem: string): Promise<void> {
  await put(store, [stem, 'first']);
  await put(store, [stem, 'second']);
  assert.deepEqual(await texts(store, [stem]), ['second']);
}

async function keepsApart(store: PlainStore, stem: string): Promise<void> {
  const names = ODD_NAMES.map((name) => `${stem}:${name}`);
  await put(store, ...names.map((name, i): [string, string] => [name, `value ${i}`]));
  assert.deepEqual(
    await texts(store, names),
    names.map((_, i) => `value ${i}`),
  );
}

async function keepsAlive(store: PlainStore, stem: string): Promise<void> {
  const days = 24 * 3_600_000;
  const lifetimes = [0, 1_000, days, 40 * days, 36_500 * days];
  const writes = lifetimes.map((ttlMs) => ({ name: `${stem}:${ttlMs}`, ttlMs, bytes: Buffer.from('x') }));
  await store.write(writes);
  const read = await texts(
    store,
    writes.map(({ name }) => name),
  );
  assert.deepEqual(
    read,
    lifetimes.map(() => 'x'),
  );
}

async function placesNames(store: PlainStore, stem: string): Promise<void> {
  const { parts } = store.limits;
  assert.ok(Number.isSafeInteger(parts) && parts >= 1);
  const names = [...ODD_NAMES, ...Array.from({ length: 100 }, (_, i) => `${i}`)].map((name) => `${stem}:${name}`);
  const places = names.map((name) => store.partOf(name));
  assert.ok(places.every((part) => Number.isSafeInteger(part) && part >= 0 && part < parts));
  await put(store, [names[0] as string, 'x']);
  assert.deepEqual(
    names.map((name) => store.partOf(name)),
    places,
  );
}

async function takesBatches(store: PlainStore, stem: string): Promise<void> {
  const names = Array.from({ length: store.limits.maxBatch }, (_, i) => `${stem}:${i}`);
  const outcomes = await put(store, ...names.map((name): [string, string] => [name, name]));
  assert.ok(outcomes.length === names.length && outcomes.every((outcome) => outcome === undefined));
  assert.deepEqual(await texts(store, names), names);
}

async function takesLargest(store: PlainStore, stem: string): Promise<void> {
  const bytes = Buffer.alloc(Math.min(store.limits.maxValueBytes, 8 * 1024 * 1024), 'abc');
  assert.deepEqual(await store.write([{ name: stem, ttlMs: 60_000, bytes }]), [undefined]);
  const [read] = await store.read([stem]);
  assert.ok(read instanceof Uint8Array && Buffer.from(read).equals(bytes));
}

async function answersWhenClosed(store: PlainStore, stem: string): Promise<void> {
  await store.close();
  const reads = await store.read([stem, `${stem}:other`]);
  const writes = await store.write([{ name: stem, ttlMs: 60_000, bytes: Buffer.from('x') }]);
  for (const outcome of [...reads, ...writes]) {
    assert.ok(CacheError.is(outcome) && outcome.code === 'REMOTE_UNAVAILABLE');
  }
  assert.deepEqual([reads.length, writes.length], [2, 1]);
}

function put(store: PlainStore, ...items: readonly (readonly [string, string])[]): ReturnType<PlainStore['write']> {
  return store.write(items.map(([name, text]) => ({ name, ttlMs: 60_000, bytes: Buffer.from(text) })));
}

async function texts(store: PlainStore, names: readonly string[]): Promise<(string | undefined)[]> {
  return (await store.read(names)).map((read) => {
    if (CacheError.is(read)) throw read;
    return read === undefined ? undefined : Buffer.from(read).toString();
  });
}
