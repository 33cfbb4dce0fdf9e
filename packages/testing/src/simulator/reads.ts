import { type Instance, LoadFailed } from './instance.ts';
import type { SimValue } from './oracle.ts';
import type { World } from './world.ts';

/** Share of loads that fail. */
const FAILED_LOADS = 0.02;

/** How a value is loaded: as it comes, or surely and soon, as in the healed world. */
type Manner = 'any' | 'sure';

/** Reads of every kind; each answer goes to the oracle. */
export class Reads {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  some(instance: Instance, key: string): void {
    const kind = this.#world.random.below(20);
    if (kind < 13) this.load(instance, key);
    else if (kind < 15) this.#get(instance, key);
    else if (kind < 16) this.#entry(instance, key);
    else if (kind < 18) this.#getMany(instance);
    else this.#peek(instance, key);
  }

  /** A read that loads what no layer has. */
  load(instance: Instance, key: string, manner: Manner = 'any', done: (value: SimValue) => void = () => {}): void {
    const { oracle, database, random, plan } = this.#world;
    const read = oracle.beginRead(instance.index, [key]);
    const tags = database.tagsOf(key);
    const hasValueTags = random.chance(0.4);
    const isShort = manner === 'any' && random.chance(0.1);
    const loader = (): Promise<SimValue> => this.#runLoad(instance, key, hasValueTags, manner);
    const call = instance.cache.getOrSet<SimValue>(key, loader, {
      tags,
      ttl: isShort ? Math.ceil(plan.leaseMs * random.between(0.1, 3)) : plan.leaseMs * 1_000,
      ...(hasValueTags && { valueTags: (value: SimValue) => [database.tagOf(value.version)] }),
    });
    instance.follow(`getOrSet ${key}`, call, (value) => {
      instance.answer(read, key, value);
      done(value);
    });
  }

  #get(instance: Instance, key: string): void {
    const read = this.#world.oracle.beginRead(instance.index, [key]);
    instance.follow(`get ${key}`, instance.cache.get(key), (value) => instance.answer(read, key, value));
  }

  #entry(instance: Instance, key: string): void {
    const read = this.#world.oracle.beginRead(instance.index, [key]);
    instance.follow(`entry ${key}`, instance.cache.entry(key), (entry) => instance.answer(read, key, entry?.value));
  }

  #getMany(instance: Instance): void {
    const { random, plan, oracle } = this.#world;
    const keys = plan.keys.filter(() => random.chance(0.5));
    const read = oracle.beginRead(instance.index, keys);
    instance.follow(`getMany ${keys.join()}`, instance.cache.getMany(keys), (values) => {
      for (const [index, key] of keys.entries()) instance.answer(read, key, values[index]);
    });
  }

  #peek(instance: Instance, key: string): void {
    const read = this.#world.oracle.beginRead(instance.index, [key]);
    instance.answer(read, key, instance.cache.peek(key));
  }

  /** Reads the source at some moment of its duration, whatever the process does meanwhile. */
  #runLoad(instance: Instance, key: string, hasValueTags: boolean, manner: Manner): Promise<SimValue> {
    const { random, scheduler, plan, database, oracle } = this.#world;
    const tags = database.tagsOf(key);
    const origin = oracle.begin('load', instance.index, key, tags);
    this.#world.note(`i${instance.index}`, 'loads', key, `o${origin.id}`);
    const isLong = manner === 'any' && random.chance(plan.longLoads);
    const tookMs = random.next() * (isLong ? plan.longLoadMs : plan.shortLoadMs);
    let version = 0;
    scheduler.after(tookMs * random.next(), () => {
      version = database.version(key);
      if (hasValueTags) origin.tags = [...tags, database.tagOf(version)];
    });
    return new Promise((resolve, reject) => {
      const isFailed = manner === 'any' && random.chance(FAILED_LOADS);
      scheduler.after(tookMs, () =>
        instance.machine.run(() => {
          if (isFailed) reject(new LoadFailed('the source is away'));
          else resolve({ origin: origin.id, version });
        }),
      );
    });
  }
}
