import { describe, expect, test, vi } from 'vitest';
import type { Span, Telemetry } from '../src/telemetry/telemetry.ts';
import { expectCode } from './support/codes.ts';
import { settled } from './support/fake-clock.ts';
import { openInstance, openInstances, startInstance } from './support/instances.ts';
import { openRecorded } from './support/recorded.ts';
import { Recording } from './support/recording.ts';

const broken = (): never => {
  throw new Error('telemetry is broken');
};

/** A span with one member that misbehaves. */
function spanWith(fault: Partial<Span>): Span {
  return {
    isRecording: true,
    traceparent: '00-00000000000000000000000000000001-0000000000000001-01',
    run: (call) => call(),
    set: () => {},
    link: () => {},
    end: () => {},
    ...fault,
  };
}

function brokenAt(property: 'traceparent' | 'isRecording'): Span {
  return Object.defineProperty(spanWith({}), property, { get: broken });
}

function telemetryWith(fault: Partial<Telemetry>, span: Span = spanWith({})): Telemetry {
  return { isRecording: () => true, begin: () => span, measure: () => {}, attach: () => () => {}, ...fault };
}

/** Every kind of call, each with what it has to answer. */
async function useEverything(telemetry: Telemetry): Promise<number> {
  const [a, b] = await openInstances(2, { telemetry });
  let loads = 0;
  const load = async () => {
    loads++;
    await settled();
    return 'loaded';
  };
  expect(await Promise.all([a.cache.getOrSet('k', load), a.cache.getOrSet('k', load)])).toEqual(['loaded', 'loaded']);
  expect(loads).toBe(1);
  await settled();
  expect(a.cache.peek('k')).toBe('loaded');
  expect(await b.cache.get('k')).toBe('loaded');
  expect(await b.cache.getMany(['k', 'l'])).toEqual(['loaded', undefined]);
  expect(await b.cache.entry('k')).toMatchObject({ value: 'loaded', layer: 'memory' });
  expect(await a.cache.set('k', 'set')).toMatchObject({ stored: true });
  expect(await a.cache.setMany([{ key: 'l', value: 1 }])).toMatchObject([{ stored: true }]);
  await settled();
  expect(await b.cache.get('k')).toBe('set');
  let writes = 0;
  expect(await a.cache.mutate({ keys: ['k'] }, () => ++writes)).toMatchObject({ value: 1, delivered: true });
  expect(writes).toBe(1);
  expect(await a.cache.delete('k')).toEqual({ delivered: true });
  const pattern = await a.cache.invalidatePattern('*l');
  expect(await pattern.collected).toBe(1);
  await settled();
  expect(await b.cache.getMany(['k', 'l'])).toEqual([undefined, undefined]);
  const fault = new Error('no database');
  await expect(a.cache.getOrSet('m', () => Promise.reject(fault))).rejects.toBe(fault);
  await a.cache.close();
  await b.cache.close();
  return a.cache.stats().telemetryErrors + b.cache.stats().telemetryErrors;
}

describe('telemetry that throws changes nothing, and is counted, when it', () => {
  const notTwice = spanWith({
    run(call) {
      call();
      return call();
    },
  });
  const later = spanWith({
    run(call) {
      queueMicrotask(call);
      return undefined as never;
    },
  });
  const afterwards = spanWith({
    run(call) {
      call();
      return broken();
    },
  });
  test.each<[string, Telemetry, counted: boolean]>([
    ['is asked', telemetryWith({ isRecording: broken }), true],
    ['begins a span', telemetryWith({ begin: broken }), true],
    ['begins with nothing', telemetryWith({ begin: () => undefined as never }), false],
    ['is told a duration', telemetryWith({ measure: broken }), true],
    ['is shown a cache', telemetryWith({ attach: broken }), true],
    ['is taken away from a cache', telemetryWith({ attach: () => broken }), true],
    ['runs a call, before', telemetryWith({}, spanWith({ run: broken })), true],
    ['runs a call, after', telemetryWith({}, afterwards), true],
    ['runs a call twice', telemetryWith({}, notTwice), false],
    ['runs a call later', telemetryWith({}, later), false],
    ['runs no call', telemetryWith({}, spanWith({ run: () => undefined as never })), false],
    ['notes an attribute', telemetryWith({}, spanWith({ set: broken })), true],
    ['links', telemetryWith({}, spanWith({ link: broken })), true],
    ['ends', telemetryWith({}, spanWith({ end: broken })), true],
    ['tells its context', telemetryWith({}, brokenAt('traceparent')), true],
    ['says whether it is recorded', telemetryWith({}, brokenAt('isRecording')), true],
  ])('%s', async (_, telemetry, isCounted) => {
    const errors = await useEverything(telemetry);
    if (isCounted) expect(errors).toBeGreaterThan(0);
    else expect(errors).toBe(0);
  });

  test('behaves', async () => {
    expect(await useEverything(new Recording())).toBe(0);
  });
});

test('telemetry that is off is asked once a call, and for nothing else', async () => {
  const telemetry = new Recording();
  const { cache } = await openInstance({ telemetry });
  await cache.set('k', 1);
  telemetry.clear();
  telemetry.isOn = false;
  const calls: string[] = [];
  telemetry.onCall = (what) => calls.push(what);
  await cache.get('k');
  await cache.getOrSet('k', () => 2);
  cache.peek('k');
  expect(calls).toEqual(['isRecording', 'isRecording', 'isRecording']);
});

test('an object that is no telemetry is refused', async () => {
  await expectCode('INVALID_OPTIONS', () => startInstance({ telemetry: { isRecording: () => true } as never }));
  await expectCode('INVALID_OPTIONS', () => startInstance({ logger: { info: () => {} } as never }));
});

// Symptom: OpenTelemetry's log had a warning for each read that was let go, about an attribute set on an ended span.
test('a span is told nothing more once it has ended', async () => {
  const { cache, remote, telemetry } = await openRecorded();
  remote.read.hold();
  const controller = new AbortController();
  const read = cache.get('k', { signal: controller.signal });
  await settled();
  controller.abort(new Error('enough'));
  await expect(read).rejects.toThrow('enough');
  const span = telemetry.one('cache.get');
  expect(span.ends).toBe(1);
  const set = vi.spyOn(span, 'set');
  remote.read.release();
  await settled();
  expect(telemetry.tree()).toContain('  cache.layer.get scripted miss');
  expect(set).not.toHaveBeenCalled();
});
