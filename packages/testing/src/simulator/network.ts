import type { SeededRandom } from '../random.ts';
import type { Scheduler } from './scheduler.ts';
import { type Fate, type Medium, Wire } from './wire.ts';

export interface NetworkOptions {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  /** Usual one-way delay. */
  readonly latencyMs: number;
  /** Probability that one packet takes far longer, and how long at most. */
  readonly spikes: number;
  readonly spikeMs: number;
  /** Probability that what is in the network at a reset arrives nevertheless. */
  readonly lateAfterReset: number;
}

/** What a partition of the network does to connections between one instance and the servers. */
export interface Partition {
  readonly instance: number;
  /** `undefined`: all connections of the instance. */
  readonly role: string | undefined;
  readonly up: Fate;
  readonly down: Fate;
}

/** All wires of the world and the faults that lie on them. */
export class Network implements Medium {
  readonly scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #options: NetworkOptions;
  readonly #wires = new Set<Wire>();
  readonly #partitions = new Set<Partition>();
  #slowness = 1;
  #isHealed = false;

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.scheduler = options.scheduler;
    this.#random = options.random;
  }

  connect(instance: number, role: string): Wire {
    const wire = new Wire(this, instance, role);
    this.#wires.add(wire);
    this.#apply(wire);
    return wire;
  }

  forget(wire: Wire): void {
    this.#wires.delete(wire);
  }

  wiresOf(instance: number): Wire[] {
    return [...this.#wires].filter((wire) => wire.instance === instance);
  }

  latencyMs(): number {
    const { latencyMs, spikes, spikeMs } = this.#options;
    const usual = latencyMs * (0.3 - Math.log(1 - this.#random.next())) * this.#slowness;
    return !this.#isHealed && this.#random.chance(spikes) ? usual + this.#random.between(0, spikeMs) : usual;
  }

  isLateAfterReset(): boolean {
    return this.#random.chance(this.#options.lateAfterReset);
  }

  /** Lays a fault on connections, those made later included; the result heals it. */
  part(partition: Partition): () => void {
    this.#partitions.add(partition);
    for (const wire of this.#wires) this.#apply(wire);
    return () => {
      if (!this.#partitions.delete(partition)) return;
      for (const wire of this.#wires) this.#apply(wire);
    };
  }

  /** Multiplies the usual delay. */
  slow(factor: number): void {
    if (this.#isHealed) return;
    this.#slowness = factor;
  }

  /** Ends every fault for good. What vanished stays lost: its connection is dead. */
  heal(): void {
    this.#slowness = 0.05;
    this.#isHealed = true;
    this.#partitions.clear();
    for (const wire of this.#wires) this.#apply(wire);
  }

  #apply(wire: Wire): void {
    const fates = [...this.#partitions].filter(
      ({ instance, role }) => instance === wire.instance && (role === undefined || role === wire.role),
    );
    wire.set('up', worst(fates.map(({ up }) => up)));
    wire.set('down', worst(fates.map(({ down }) => down)));
  }
}

function worst(fates: readonly Fate[]): Fate {
  if (fates.includes('lost')) return 'lost';
  return fates.includes('held') ? 'held' : 'flows';
}
