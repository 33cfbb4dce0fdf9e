import { type Invalidation, NOTHING } from 'tierwise/driver';
import type { Instance } from './instance.ts';
import type { SimValue } from './oracle.ts';
import type { World } from './world.ts';

/** A call that changes what caches may answer, and what it forgets. */
interface Order {
  readonly what: string;
  readonly invalidation: Invalidation;
  readonly send: (instance: Instance) => Promise<{ readonly delivered: boolean }>;
}

/** Patterns by the keys they match. */
const PATTERNS = ['*:1', 'b:?:*', '[ac]*'];

/** Writes of every kind. The source is committed before the cache is told, perhaps a little while before. */
export class Writes {
  readonly #world: World;
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
  }

  stop(): void {
    this.#isOver = true;
  }

  some(instance: Instance, key: string): void {
    const kind = this.#world.random.below(24);
    if (kind < 8) this.#commitAnd(instance, [key], this.#deletion([key]));
    else if (kind < 13) this.#set(instance, key);
    else if (kind < 15) this.#commitTag(instance);
    else if (kind < 17) this.#commitPrefix(instance);
    else if (kind < 18) this.#commitPattern(instance);
    else if (kind < 19) this.#commitSeveral(instance);
    else if (kind < 20) this.#commitEverything(instance);
    else this.#mutate(instance, key);
  }

  /** Deletes keys; `done` is told when the call has settled. */
  delete(instance: Instance, keys: readonly string[], done: () => void): void {
    this.#send(instance, this.#deletion(keys), done);
  }

  #deletion(keys: readonly string[]): Order {
    const [only] = keys;
    return {
      what: `delete ${keys.join()}`,
      invalidation: { ...NOTHING, keys },
      send: ({ cache }) => (keys.length === 1 && only !== undefined ? cache.delete(only) : cache.deleteMany(keys)),
    };
  }

  #commitTag(instance: Instance): void {
    const { random, plan, database } = this.#world;
    const tag = random.pick(plan.tags);
    const keys = plan.keys.filter((key) => database.carries(key, tag));
    // Now and then with more names than anybody keeps versions of.
    const others = random.chance(0.2) ? Array.from({ length: 20 }, (_, index) => `n${index}-${random.below(100)}`) : [];
    const tags = [tag, ...others];
    this.#commitAnd(instance, keys, {
      what: `invalidate #${tag}`,
      invalidation: { ...NOTHING, tags },
      send: ({ cache }) => cache.invalidateTags(tags),
    });
  }

  #commitPrefix(instance: Instance): void {
    const { random, plan } = this.#world;
    const prefix = random.pick(plan.prefixes);
    const keys = plan.keys.filter((key) => key.startsWith(prefix));
    this.#commitAnd(instance, keys, {
      what: `invalidate ${prefix}*`,
      invalidation: { ...NOTHING, prefixes: [prefix] },
      send: ({ cache }) => cache.invalidatePrefix(prefix),
    });
  }

  #commitPattern(instance: Instance): void {
    const pattern = this.#world.random.pick(PATTERNS);
    this.#commitAnd(instance, this.#world.plan.keys, {
      what: `invalidate ${pattern}`,
      invalidation: { ...NOTHING, patterns: [pattern] },
      send: ({ cache }) => cache.invalidatePattern(pattern, { collect: false }),
    });
  }

  #commitSeveral(instance: Instance): void {
    const { random, plan } = this.#world;
    const keys = plan.keys.filter(() => random.chance(0.5));
    if (keys.length > 0) this.#commitAnd(instance, keys, this.#deletion(keys));
  }

  #commitEverything(instance: Instance): void {
    this.#commitAnd(instance, this.#world.plan.keys, {
      what: 'clear',
      invalidation: { ...NOTHING, clear: true },
      send: ({ cache }) => cache.clear(),
    });
  }

  #commitAnd(instance: Instance, keys: readonly string[], order: Order): void {
    for (const key of keys) this.#world.database.commit(key);
    this.#later(instance, this.#world.plan.shortLoadMs, () => this.#send(instance, order));
  }

  #send(instance: Instance, { what, invalidation, send }: Order, done: () => void = () => {}): void {
    const { scheduler, oracle } = this.#world;
    const who = `i${instance.index}`;
    const calledMs = scheduler.nowMs;
    this.#world.note(who, what);
    instance.follow(what, send(instance), ({ delivered }) => {
      this.#world.note(who, delivered ? 'delivered' : 'journaled', what);
      oracle.resolved(instance.index, { calledMs, invalidation, own: undefined });
      done();
    });
  }

  /** Some keys are only ever set with the version of their row. */
  #set(instance: Instance, key: string): void {
    const { scheduler, oracle, database, random, plan } = this.#world;
    const version = database.commit(key);
    const isRanked = plan.ranked.includes(key);
    const tags = database.tagsOf(key);
    const isShort = random.chance(0.1);
    const ttl = isShort ? Math.ceil(plan.leaseMs * random.between(0.1, 3)) : plan.leaseMs * 1_000;
    this.#later(instance, isRanked ? plan.leaseMs * 0.5 : plan.shortLoadMs, () => {
      const who = `i${instance.index}`;
      const calledMs = scheduler.nowMs;
      const origin = oracle.begin('set', instance.index, key, tags, isRanked ? version : undefined);
      const value: SimValue = { origin: origin.id, version };
      this.#world.note(who, 'set', key, `o${origin.id}`, `v${version}`);
      const call = instance.cache.set(key, value, { tags, ttl, ...(isRanked && { version }) });
      instance.follow(`set ${key}`, call, ({ delivered, stored, outdated }) => {
        const outcome = stored ? 'stored' : outdated ? 'outdated' : delivered ? 'conflicted' : 'journaled';
        this.#world.note(who, outcome, key, `o${origin.id}`);
        // Told that it came too late, the caller gets what is newer.
        if (outdated) return;
        oracle.resolved(instance.index, { calledMs, invalidation: { ...NOTHING, keys: [key] }, own: origin });
      });
    });
  }

  /** A write under closed fences; the process may die in it, and the commit happens all the same. */
  #mutate(instance: Instance, key: string): void {
    const { scheduler, oracle, database, random, plan } = this.#world;
    const tag = random.pick(plan.tags);
    const hasTag = random.chance(0.3);
    const target = { keys: [key], tags: hasTag ? [tag] : [] };
    const invalidation = { ...NOTHING, ...target };
    const consistency = random.chance(0.4) ? 'linearizable' : 'bounded';
    const tookMs = random.next() * plan.leaseMs * 0.5;
    const who = `i${instance.index}`;
    const what = `mutate ${key}${hasTag ? `,#${tag}` : ''}`;
    this.#world.note(who, what, consistency);
    let committedMs = 0;
    const write = (): Promise<void> => {
      scheduler.after(tookMs * random.next(), () => {
        committedMs = scheduler.nowMs;
        this.#world.note(who, 'commits', what);
        for (const own of plan.keys) if (own === key || (hasTag && database.carries(own, tag))) database.commit(own);
      });
      return new Promise((resolve) => scheduler.after(tookMs, () => instance.machine.run(resolve)));
    };
    const call = instance.cache.mutate(target, write, { fence: '1s', consistency, unfenced: 'run' });
    instance.follow(what, call, ({ delivered, linearized }) => {
      this.#world.note(who, linearized ? 'linearized' : delivered ? 'delivered' : 'journaled', what);
      oracle.resolved(instance.index, { calledMs: committedMs, invalidation, own: undefined });
      if (linearized) oracle.linearized(invalidation, committedMs);
    });
  }

  #later(instance: Instance, mostMs: number, call: () => void): void {
    const { random, scheduler } = this.#world;
    const delayMs = random.chance(0.5) ? 0 : random.next() * mostMs;
    scheduler.after(delayMs, () =>
      instance.machine.run(() => {
        if (!this.#isOver && !instance.isClosing) call();
      }),
    );
  }
}
