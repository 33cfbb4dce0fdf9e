import { describe, expect, it } from 'vitest';
import type { FenceChange, Invalidation, Lease } from '../src/coherence/coordinator.ts';
import { fenceSlot } from '../src/coherence/slots.ts';
import { View } from '../src/coherence/view.ts';
import { CacheError } from '../src/errors.ts';
import { Authority } from '../src/in-process/authority.ts';
import { randomEpoch } from '../src/random.ts';
import { GenerationStore } from '../src/store/generation-store.ts';
import type { StoreWrite } from '../src/store/store.ts';
import { decodeEnvelope, encodeEnvelope } from '../src/wire/envelope.ts';
import { NOTHING } from '../src/wire/event.ts';
import { FakeClock } from './support/fake-clock.ts';
import { HeldPlainStore } from './support/held-plain-store.ts';

const LEASE_MS = 2_000;
const NO_MEMORY = { forget: () => {}, forgetAll: () => {} };
const AWAY = new CacheError('REMOTE_UNAVAILABLE', 'away');

/** One instance: its view hears of events only when it is told to, or by a tail. */
class Instance {
  readonly view: View;
  readonly store: GenerationStore;
  readonly faults: [code: string, names: number][] = [];
  readonly oversized: number[] = [];
  /** While it is deaf no tail gets through either. */
  isDeaf = false;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    const { clock, authority, plain } = world;
    this.view = new View({ clock, leaseMs: LEASE_MS, maxVersions: 100, memory: NO_MEMORY, hasBuckets: true });
    this.store = new GenerationStore({
      name: 'plain',
      plain,
      view: this.view,
      clock,
      coordinator: {
        invalidate: async (invalidation, fence) => authority.invalidate(invalidation, fence, clock.wallMs()),
      },
      reach: async (seq) => {
        this.tail();
        return this.view.applied >= seq;
      },
      onFault: (error, names) => this.faults.push([error.code, names]),
      onOversize: (bytes) => this.oversized.push(bytes),
    });
  }

  tail(): void {
    if (this.isDeaf) return;
    const { clock, authority } = this.#world;
    const { epoch, applied } = this.view;
    const member = { id: 'member', leaseMs: LEASE_MS };
    this.view.onTailSent();
    const reply = authority.tail({ member, epoch, applied, withSlots: true }, clock.wallMs());
    this.view.applyTail(reply, clock.wallMs(), clock.wallMs());
  }

  get lease(): Lease {
    return this.view.lease() as Lease;
  }

  async fill(key: string, payload: string, lease: Lease = this.lease, tags: readonly string[] = []): Promise<string> {
    return (await this.store.fill([entry(key, payload, lease, tags)])).outcomes[0] as string;
  }

  async set(key: string, payload: string, lease: Lease = this.lease): Promise<string> {
    return (await this.store.set([entry(key, payload, lease)])).outcomes[0] as string;
  }

  async read(key: string): Promise<string | undefined> {
    const [bytes] = (await this.store.read([key])).values;
    if (bytes === undefined) return undefined;
    const envelope = decodeEnvelope(bytes);
    return typeof envelope === 'string' ? envelope : Buffer.from(envelope.payload).toString();
  }
}

class World {
  readonly clock = new FakeClock();
  readonly plain = new HeldPlainStore();
  readonly authority = new Authority({ randomEpoch, logEvents: 4, maxVersions: 100, maxBytes: 1_000_000 });

  instance(): Instance {
    const instance = new Instance(this);
    instance.tail();
    return instance;
  }

  invalidate(invalidation: Partial<Invalidation>, fence?: FenceChange): number {
    return this.authority.invalidate({ ...NOTHING, ...invalidation }, fence, this.clock.wallMs()).seq;
  }
}

function entry(key: string, payload: string, lease: Lease, tags: readonly string[] = [], version?: number): StoreWrite {
  const header = { codecId: 1, epoch: lease.epoch, lease: lease.seq, seq: 0, expiresAtMs: 0, version, tags };
  return { key, lease, ttlMs: 60_000, bytes: encodeEnvelope(header, Buffer.from(payload)) };
}

/** Two keys of one bucket, and one of another. */
function neighbours(): { key: string; mate: string; stranger: string } {
  const key = 'key';
  for (let i = 0; ; i++) {
    if (fenceSlot(`mate:${i}`) === fenceSlot(key)) return { key, mate: `mate:${i}`, stranger: 'stranger' };
  }
}

describe('a layer without scripts', () => {
  it('gives every instance what one has stored', async () => {
    const world = new World();
    const [a, b] = [world.instance(), world.instance()];
    expect(await a.fill('k', 'v')).toBe('stored');
    expect(await b.read('k')).toBe('v');
  });

  it('was late: a fill that arrives after an event on its key is never read', async () => {
    const world = new World();
    const [a, b] = [world.instance(), world.instance()];
    world.plain.isHolding = true;
    expect(await a.fill('k', 'old')).toBe('stored');
    world.invalidate({ keys: ['k'] });
    world.plain.release();
    a.tail();
    b.tail();
    expect([await a.read('k'), await b.read('k')]).toEqual([undefined, undefined]);
  });

  it('refuses a fill that an event on its bucket has overtaken, and sends nothing', async () => {
    const world = new World();
    const a = world.instance();
    const before = a.lease;
    world.invalidate({ keys: ['k'] });
    a.tail();
    expect(await a.fill('k', 'old', before)).toBe('fenced');
    expect(world.plain.items.size).toBe(0);
    expect(await a.fill('k', 'new')).toBe('stored');
    expect(await a.read('k')).toBe('new');
  });

  it('voids the bucket of a key, and no other', async () => {
    const world = new World();
    const { key, mate, stranger } = neighbours();
    const a = world.instance();
    for (const one of [key, mate, stranger]) await a.fill(one, 'v');
    world.invalidate({ keys: [key] });
    a.tail();
    expect([await a.read(key), await a.read(mate), await a.read(stranger)]).toEqual([undefined, undefined, 'v']);
  });

  it('learns of events that its view has not heard of before it stores under a lease beyond them', async () => {
    const world = new World();
    const [a, b] = [world.instance(), world.instance()];
    const seq = world.invalidate({ keys: ['k'] });
    // A reply or a value has shown the number, but no message the event.
    a.view.meet(a.lease.epoch, seq);
    expect(a.view.applied).toBe(0);
    expect(await a.fill('k', 'new')).toBe('stored');
    b.tail();
    expect(await b.read('k')).toBe('new');
  });

  it('refuses a lease that the authority has never given, or of another epoch', async () => {
    const a = new World().instance();
    expect(await a.fill('k', 'x', { ...a.lease, seq: 7 })).toBe('voided');
    expect(await a.fill('k', 'x', { epoch: 'e'.repeat(32), seq: 0 })).toBe('voided');
  });

  it('writes nothing without proof', async () => {
    const world = new World();
    const a = world.instance();
    a.isDeaf = true;
    await world.clock.advance(LEASE_MS + 1);
    await expect(a.fill('k', 'v')).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
    expect(world.plain.items.size).toBe(0);
    a.isDeaf = false;
    expect(await a.fill('k', 'v')).toBe('stored');
  });

  it('refuses what a closed fence covers, by key or by tag', async () => {
    const world = new World();
    const a = world.instance();
    world.invalidate({ keys: ['k'], tags: ['t'] }, { kind: 'close', id: 'f', lifeMs: 60_000, isExclusive: false });
    a.tail();
    expect([await a.fill('k', 'v'), await a.fill('other', 'v', a.lease, ['t'])]).toEqual(['fenced', 'fenced']);
    expect(await a.set('k', 'v')).toBe('conflicted');
    expect(await a.fill('free', 'v')).toBe('stored');
  });

  it('keeps nothing across epochs', async () => {
    const world = new World();
    const a = world.instance();
    const before = a.lease;
    await a.fill('k', 'old');
    world.authority.restart(world.clock.wallMs());
    a.tail();
    expect(await a.read('k')).toBeUndefined();
    expect(await a.fill('k', 'late', before)).toBe('voided');
    expect(await a.set('k', 'late', before)).toBe('conflicted');
    a.tail();
    expect(await a.read('k')).toBeUndefined();
  });

  it('is read alike by an instance that starts from a snapshot', async () => {
    const world = new World();
    const a = world.instance();
    for (let i = 0; i < 20; i++) world.invalidate({ keys: [`k:${i % 7}`] });
    a.tail();
    for (let i = 0; i < 7; i++) expect(await a.fill(`k:${i}`, `v${i}`)).toBe('stored');
    const late = world.instance();
    for (let i = 0; i < 7; i++) expect(await late.read(`k:${i}`)).toBe(`v${i}`);
  });

  it('skips what is too large, and what the store does not take', async () => {
    const world = new World();
    const a = world.instance();
    expect(await a.fill('k', 'x'.repeat(10_001))).toBe('skipped');
    expect(await a.set('k', 'x'.repeat(10_001))).toBe('skipped');
    expect([a.faults, a.oversized.length]).toEqual([[], 2]);
    expect(Math.min(...a.oversized)).toBeGreaterThan(10_001);
    world.plain.fault = AWAY;
    expect([await a.fill('k', 'v', { ...a.lease, seq: 1 }), await a.set('k', 'v')]).toEqual(['skipped', 'skipped']);
    expect(await a.read('k')).toBeUndefined();
    expect(a.faults).toEqual([
      ['REMOTE_UNAVAILABLE', 1],
      ['REMOTE_UNAVAILABLE', 1],
      ['REMOTE_UNAVAILABLE', 1],
    ]);
  });
});

describe('a set in a layer without scripts', () => {
  it('is an event first: nobody who has heard of it reads what was there before', async () => {
    const world = new World();
    const [a, b] = [world.instance(), world.instance()];
    await a.fill('k', 'old');
    world.plain.isHolding = true;
    expect(await a.set('k', 'new')).toBe('stored');
    b.tail();
    expect(await b.read('k')).toBeUndefined();
    world.plain.release();
    expect(await b.read('k')).toBe('new');
  });

  it('was late: a value that arrives after the next event is never read', async () => {
    const world = new World();
    const [a, b] = [world.instance(), world.instance()];
    world.plain.isHolding = true;
    await a.set('k', 'first');
    world.plain.isHolding = false;
    b.tail();
    await b.set('k', 'second');
    world.plain.release();
    a.tail();
    expect([await a.read('k'), await b.read('k')]).toEqual(['second', 'second']);
  });

  it('is forgotten when its key had another event since its lease, heard of or not', async () => {
    const world = new World();
    const [a, b] = [world.instance(), world.instance()];
    const before = a.lease;
    await b.set('k', 'first');
    expect(await a.set('k', 'second', before)).toBe('conflicted');
    b.tail();
    expect([await a.read('k'), await b.read('k')]).toEqual([undefined, undefined]);
  });

  it('is forgotten when a snapshot stood for the events before its own', async () => {
    const world = new World();
    const [a, b] = [world.instance(), world.instance()];
    const before = a.lease;
    await b.set('k', 'first');
    for (let i = 0; i < 20; i++) world.invalidate({ keys: ['other'] });
    world.authority.trim(0);
    expect(await a.set('k', 'second', before)).toBe('conflicted');
  });

  it('is forgotten when nobody can say whether there was another event', async () => {
    const world = new World();
    const a = world.instance();
    a.isDeaf = true;
    world.invalidate({ keys: ['other'] });
    expect(await a.set('k', 'v')).toBe('conflicted');
    expect(world.plain.items.size).toBe(0);
  });

  it('does not mind events on other keys, and its own message', async () => {
    const world = new World();
    const a = world.instance();
    world.authority.subscribe((event) => a.view.receive(event));
    const before = a.lease;
    world.invalidate({ keys: ['other'] });
    expect(await a.set('k', 'v', before)).toBe('stored');
    expect(await a.read('k')).toBe('v');
  });

  it('carries its own number', async () => {
    const world = new World();
    const a = world.instance();
    const { seq } = await a.store.set([entry('k', 'v', a.lease)]);
    const bytes = [...world.plain.items.values()][0] as Uint8Array;
    expect(decodeEnvelope(bytes)).toMatchObject({ seq, lease: seq - 1 });
  });

  it('with a version of the caller is forgotten: nothing here could compare it', async () => {
    const world = new World();
    const a = world.instance();
    expect((await a.store.set([entry('k', 'v', a.lease, [], 3)])).outcomes).toEqual(['conflicted']);
    a.tail();
    expect(await a.read('k')).toBeUndefined();
  });
});

it('a forged message on a bucket hides what is in it until the next tail', async () => {
  const world = new World();
  const a = world.instance();
  expect(await a.fill('k', 'value')).toBe('stored');
  a.view.receive({ epoch: a.lease.epoch, seq: 2 ** 40, invalidation: { ...NOTHING, keys: ['k'] }, fence: undefined });
  expect(await a.read('k')).toBe(undefined);
  expect(await a.fill('k', 'later')).toBe('fenced');
  a.tail();
  expect(await a.read('k')).toBe('value');
  expect(await a.set('k', 'set')).toBe('stored');
  expect(await a.read('k')).toBe('set');
});
