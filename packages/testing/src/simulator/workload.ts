import type { Instance } from './instance.ts';
import { Reads } from './reads.ts';
import type { World } from './world.ts';
import { Writes } from './writes.ts';

/** What the processes of the world do with their caches: calls at random moments, until it is stopped. */
export class Workload {
  readonly reads: Reads;
  readonly writes: Writes;
  readonly #world: World;
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
    this.reads = new Reads(world);
    this.writes = new Writes(world);
    for (let index = 0; index < world.plan.instances; index++) this.#next(index);
  }

  /** No more calls; what is under way goes on. */
  stop(): void {
    this.#isOver = true;
    this.writes.stop();
  }

  #next(index: number): void {
    const { random, scheduler, plan } = this.#world;
    scheduler.after(-Math.log(1 - random.next()) * plan.callEveryMs, () => {
      if (this.#isOver) return;
      const instance = this.#world.instances[index] as Instance;
      if (instance.isRunning && !instance.isClosing) instance.machine.run(() => this.#call(instance));
      this.#next(index);
    });
  }

  #call(instance: Instance): void {
    const { random, plan } = this.#world;
    const key = random.pick(plan.keys);
    if (random.chance(plan.writes)) this.writes.some(instance, key);
    else this.reads.some(instance, key);
  }
}
