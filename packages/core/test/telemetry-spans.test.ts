import { describe, expect, test } from 'vitest';
import { settled } from './support/fake-clock.ts';
import { ControlledLoader, openInstance, openInstances, PAST_LEASE_MS } from './support/instances.ts';
import { openRecorded } from './support/recorded.ts';
import { type RecordedSpan, Recording } from './support/recording.ts';

describe('a cold getOrSet', () => {
  test('is one span with one below it for every layer asked, the load and every layer that stored', async () => {
    const { cache, telemetry } = await openRecorded();
    await cache.getOrSet('k', () => 1);
    await settled();
    expect(telemetry.tree()).toEqual([
      'cache.getOrSet',
      '  cache.layer.get l1 miss',
      '  cache.layer.get scripted miss',
      '  cache.load',
      '  cache.layer.set scripted stored',
      '  cache.layer.set l1 stored',
    ]);
    expect(telemetry.one('cache.getOrSet').attributes).toEqual({ 'cache.name': 'test', 'cache.hit': false });
    expect(telemetry.spans.map(({ ends }) => ends)).toEqual(telemetry.spans.map(() => 1));
    for (const { name, attributes } of telemetry.spans) expect(attributes['cache.name'], name).toBe('test');
  });

  test('names its key on the span of every layer asked, and of the load', async () => {
    const { cache, telemetry } = await openRecorded();
    const calls = [
      () => cache.getOrSet('k', () => 1),
      () => cache.get('k'),
      () => cache.entry('k'),
      async () => cache.peek('k'),
    ];
    for (const call of calls) {
      await call();
      await settled();
    }
    const asked = [...telemetry.named('cache.layer.get'), ...telemetry.named('cache.load')];
    expect(asked.map(({ key }) => key)).toEqual(Array(6).fill('k'));
    await cache.getMany(['k', 'l']);
    expect(
      telemetry
        .named('cache.layer.get')
        .slice(5)
        .map(({ key }) => key),
    ).toEqual([undefined, undefined]);
  });

  test('runs its loader inside the span of the load, and leaves nothing active behind', async () => {
    const { cache, telemetry } = await openRecorded();
    const active: (RecordedSpan | undefined)[] = [];
    await cache.getOrSet('k', async () => {
      active.push(telemetry.active.getStore());
      await settled();
      active.push(telemetry.active.getStore());
      return 1;
    });
    expect(active).toEqual([telemetry.one('cache.load'), telemetry.one('cache.load')]);
    expect(telemetry.active.getStore()).toBe(undefined);
  });

  test('tells the key of a namespace as people write it, to those who may record it', async () => {
    const { cache, telemetry } = await openRecorded();
    await cache.namespace('eu').namespace('7').get('k');
    await cache.get('\0k');
    expect(telemetry.named('cache.get').map(({ key }) => key)).toEqual(['eu/7:k', '\0k']);
    expect(JSON.stringify(telemetry.spans.map(({ attributes }) => attributes))).not.toContain('eu');
  });

  test('ends load and call with the error of the loader', async () => {
    const { cache, telemetry } = await openRecorded();
    const fault = new Error('no database');
    await expect(cache.getOrSet('k', () => Promise.reject(fault))).rejects.toBe(fault);
    expect(telemetry.one('cache.load').error).toBe(fault);
    expect(telemetry.one('cache.getOrSet').error).toBe(fault);
    expect(telemetry.measures).toContainEqual({
      name: 'tierwise.load.duration',
      value: 0,
      attributes: { 'cache.name': 'test', 'error.type': 'other' },
    });
  });
});

describe('what memory answered', () => {
  const results = (telemetry: Recording): unknown[] =>
    telemetry
      .named('cache.layer.get')
      .filter(({ attributes }) => attributes['cache.layer'] === 'l1')
      .map(({ attributes }) => attributes['cache.result']);

  test('hit, miss', async () => {
    const { cache, telemetry } = await openRecorded();
    await cache.get('k');
    await cache.set('k', 1);
    await cache.get('k');
    cache.peek('k');
    await cache.entry('k');
    expect(results(telemetry)).toEqual(['miss', 'hit', 'hit', 'hit']);
    const hits = ['cache.get', 'cache.peek', 'cache.entry'].flatMap((name) =>
      telemetry.named(name).map(({ attributes }) => attributes['cache.hit']),
    );
    expect(hits).toEqual([false, true, true, true]);
  });

  test('expired', async () => {
    const { cache, clock, telemetry } = await openRecorded();
    await cache.set('k', 1, { ttl: 100 });
    await clock.advance(200);
    await cache.get('k');
    expect(results(telemetry)).toEqual(['expired']);
    expect(cache.stats().memory).toMatchObject({ misses: 1, expired: 1 });
  });

  test('stale after its tag was invalidated', async () => {
    const { cache, telemetry } = await openRecorded();
    await cache.set('k', 1, { tags: ['t'] });
    await cache.invalidateTags(['t']);
    await cache.get('k');
    expect(results(telemetry)).toEqual(['stale']);
    expect(cache.stats().memory).toMatchObject({ misses: 1, stale: 1 });
  });

  test('unproved when the proof is too old', async () => {
    const { cache, clock, remote, telemetry } = await openRecorded();
    await cache.set('k', 1);
    remote.disconnect();
    await clock.advance(PAST_LEASE_MS);
    telemetry.clear();
    await cache.get('k');
    expect(telemetry.tree()).toEqual([
      'cache.get',
      '  cache.layer.get l1 unproved',
      '  cache.layer.get scripted unproved',
    ]);
  });
});

describe('what the shared layer answered', () => {
  const result = async (telemetry: Recording): Promise<unknown> => {
    await settled();
    const asked = telemetry.named('cache.layer.get').filter((span) => span.attributes['cache.layer'] === 'scripted');
    return asked.at(-1)?.attributes['cache.result'];
  };

  test('hit, and the value is then in memory', async () => {
    const telemetry = new Recording();
    const [a, b] = await openInstances(2, { telemetry });
    await a.cache.set('k', 1);
    await settled();
    telemetry.clear();
    await b.cache.get('k');
    expect(await result(telemetry)).toBe('hit');
    expect(telemetry.one('cache.get').attributes['cache.hit']).toBe(true);
  });

  test('error when it fails', async () => {
    const { cache, remote, telemetry } = await openRecorded();
    remote.read.fail();
    await cache.getOrSet('k', () => 1);
    expect(await result(telemetry)).toBe('error');
    expect(telemetry.measures).toContainEqual({
      name: 'tierwise.store.duration',
      value: 0,
      attributes: {
        'cache.name': 'test',
        'cache.layer': 'scripted',
        'cache.store': 'remote',
        'cache.operation': 'read',
        'error.type': expect.stringMatching(/^REMOTE_/),
      },
    });
    expect(cache.stats().remote.failedCalls).toBe(1);
  });

  test('stale for a key whose own invalidation waits', async () => {
    const { cache, remote, telemetry } = await openRecorded();
    remote.invalidate.fail();
    await cache.delete('k');
    expect(telemetry.one('cache.invalidate').attributes['cache.delivered']).toBe(false);
    await cache.getOrSet('k', () => 1);
    expect(await result(telemetry)).toBe('stale');
  });
});

describe('many at once', () => {
  test('a thousand calls for one key: one load, every waiter below its own call and linked to it', async () => {
    const { cache, telemetry } = await openRecorded();
    const loader = new ControlledLoader<number>();
    const calls = Array.from({ length: 1_000 }, () => cache.getOrSet('k', loader.load));
    await settled();
    loader.answer(1);
    await Promise.all(calls);
    const load = telemetry.one('cache.load');
    const operations = telemetry.named('cache.getOrSet');
    expect(operations).toHaveLength(1_000);
    const waits = telemetry.named('cache.load.wait');
    expect(waits).toHaveLength(999);
    for (const wait of waits) expect(wait.links).toEqual([load]);
    const parents = new Set([load, ...waits].map(({ parent }) => parent));
    expect(parents).toEqual(new Set(operations));
  });

  test('a thousand calls for a thousand keys: each load below its own call, and its loader inside it', async () => {
    const { cache, telemetry } = await openRecorded();
    const seen = new Map<string, RecordedSpan | undefined>();
    const keys = Array.from({ length: 1_000 }, (_, index) => `k${index}`);
    await Promise.all(
      keys.map((key) =>
        cache.getOrSet(key, async () => {
          await settled();
          seen.set(key, telemetry.active.getStore());
          return key;
        }),
      ),
    );
    for (const key of keys) {
      const inside = seen.get(key);
      expect([inside?.name, inside?.key, inside?.parent?.name, inside?.parent?.key]).toEqual([
        'cache.load',
        key,
        'cache.getOrSet',
        key,
      ]);
    }
  });

  test('reads of one tick are one command below the first, and the others are linked to it', async () => {
    const { cache, remote, telemetry } = await openRecorded();
    const inside: (RecordedSpan | undefined)[] = [];
    remote.onCall = () => inside.push(telemetry.active.getStore());
    await Promise.all([cache.get('a'), cache.get('b'), cache.get('a')]);
    const shared = telemetry.named('cache.layer.get').filter((span) => span.attributes['cache.layer'] === 'scripted');
    expect(inside).toEqual([shared[0]]);
    expect(shared[0]?.attributes['cache.batch.size']).toBe(2);
    expect(shared.slice(1).map(({ links }) => links)).toEqual([[shared[0]], [shared[0]]]);
  });

  test('many keys of one getMany are one span a layer', async () => {
    const { cache, telemetry } = await openRecorded();
    await cache.set('a', 1);
    telemetry.clear();
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual([1, undefined, undefined]);
    expect(telemetry.tree()).toEqual(['cache.getMany', '  cache.layer.get l1 miss', '  cache.layer.get scripted miss']);
    const [l1, l2] = telemetry.named('cache.layer.get');
    expect(l1?.attributes['cache.hit.count']).toBe(1);
    expect(l2?.attributes).toMatchObject({ 'cache.key.count': 2, 'cache.hit.count': 0 });
    expect(telemetry.one('cache.getMany').attributes).toMatchObject({ 'cache.hit': false, 'cache.hit.count': 1 });
  });
});

describe('an invalidation', () => {
  test('is published below its call, and processed on the other instances in traces of their own', async () => {
    const telemetry = new Recording();
    const [a] = await openInstances(3, { telemetry });
    telemetry.clear();
    await a.cache.delete('k');
    await settled();
    expect(telemetry.tree()).toEqual([
      'cache.delete',
      '  cache.invalidate',
      '    publish test',
      'process test applied',
      'process test applied',
    ]);
    const publish = telemetry.one('publish test');
    expect(publish.kind).toBe('producer');
    for (const process of telemetry.named('process test')) {
      expect(process).toMatchObject({ kind: 'consumer', links: [publish.traceparent], parent: undefined });
      expect(process.attributes['cache.seq']).toBe(publish.attributes['cache.seq']);
    }
  });

  test('that nobody recorded carries nothing, and makes no span elsewhere', async () => {
    const telemetry = new Recording();
    const [a, b] = await openInstances(2, { telemetry });
    telemetry.clear();
    telemetry.isOn = false;
    await a.cache.delete('k');
    await b.cache.set('k', 1);
    await settled();
    expect(telemetry.tree()).toEqual([]);
  });

  test('of one tick with others shares a message that carries a bounded number of contexts', async () => {
    const telemetry = new Recording();
    const [a] = await openInstances(2, { telemetry });
    telemetry.clear();
    let carried: readonly string[] | undefined;
    a.hub.authority.subscribe(({ origins }) => {
      carried = origins;
    });
    await Promise.all(Array.from({ length: 20 }, (_, index) => a.cache.delete(`k${index}`)));
    await settled();
    const publish = telemetry.one('publish test');
    const events = telemetry.named('cache.invalidate');
    expect(publish.parent).toBe(events[0]);
    expect(publish.links).toEqual(events.slice(1, 9));
    expect(publish.attributes['cache.batch.size']).toBe(20);
    expect(events.slice(1).map(({ links }) => links)).toEqual(events.slice(1).map(() => [events[0]]));
    const contexts = [publish, ...events.slice(1, 8)].map(({ traceparent }) => traceparent);
    expect(carried).toEqual(contexts);
    expect(telemetry.one('process test').links).toEqual(contexts);
  });

  test('that had to wait is delivered in a trace of its own, linked to it', async () => {
    const { cache, clock, remote, telemetry } = await openRecorded();
    remote.disconnect();
    await cache.delete('k');
    const waited = telemetry.one('cache.invalidate');
    remote.connect();
    await clock.advance(100);
    const delivery = telemetry.one('cache.deliver');
    expect([delivery.parent, delivery.links]).toEqual([undefined, [waited]]);
    expect(telemetry.named('publish test').map(({ parent }) => parent)).toContain(delivery);
  });

  test('of a pattern collects in a trace of its own, linked to the call', async () => {
    const { cache, telemetry } = await openRecorded();
    await cache.set('a:x', 1);
    const { collected } = await cache.invalidatePattern('*:x');
    await collected;
    const collect = telemetry.one('cache.collect');
    expect(collect).toMatchObject({ parent: undefined, links: [telemetry.one('cache.invalidatePattern')] });
    expect(collect.attributes['cache.collect.dropped']).toBe(1);
  });
});

describe('a guarded write', () => {
  test('closes, runs the write inside its own span, and lifts', async () => {
    const { cache, telemetry } = await openRecorded();
    let inside: RecordedSpan | undefined;
    await cache.mutate({ keys: ['k'] }, async () => {
      await settled();
      inside = telemetry.active.getStore();
    });
    expect(inside).toBe(telemetry.one('cache.mutate'));
    const closed = telemetry.named('cache.invalidate');
    expect(closed.map(({ attributes }) => attributes['cache.delivered'])).toEqual([true, true]);
    const fences = closed.map(({ parent, attributes }) => [parent, attributes['cache.fence']]);
    expect(fences).toEqual([
      [inside, 'close'],
      [inside, 'lift'],
    ]);
  });
});

describe('background work', () => {
  test('makes no span, unless memory had to be emptied', async () => {
    const { clock, remote, telemetry } = await openRecorded();
    await clock.advance(10 * PAST_LEASE_MS);
    expect(telemetry.tree()).toEqual([]);
    remote.partition.view.forgetEverything();
    await clock.advance(PAST_LEASE_MS);
    expect(telemetry.tree()).toEqual([]);
  });

  test('of a resync dates its span to when the tail was sent', async () => {
    const telemetry = new Recording();
    const { clock } = await openInstance({ telemetry });
    expect(telemetry.one('cache.resync')).toMatchObject({ parent: undefined, startedAtMs: clock.wallMs(), ends: 1 });
  });
});

describe('what is not sampled', () => {
  test('makes no span below the call', async () => {
    const { cache, telemetry } = await openRecorded();
    telemetry.isSampling = false;
    await cache.getOrSet('k', () => 1);
    await cache.getMany(['k', 'l']);
    await cache.delete('k');
    cache.peek('k');
    await settled();
    expect(telemetry.tree()).toEqual(['cache.getOrSet', 'cache.getMany', 'cache.delete', 'cache.peek']);
    expect(telemetry.spans.map(({ ends }) => ends)).toEqual([1, 1, 1, 1]);
  });
});
