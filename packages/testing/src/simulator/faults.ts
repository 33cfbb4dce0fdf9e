import { encodeEvent, type FenceChange, NOTHING } from 'tierwise/driver';
import type { Instance } from './instance.ts';
import type { Partition } from './network.ts';
import type { FaultKind } from './plan.ts';
import type { Fate } from './wire.ts';
import type { World } from './world.ts';

/** Which connections a fault lies on: mostly all of an instance's. */
const ROLES = [undefined, undefined, undefined, 'commands', 'tail', 'bus'] as const;

/** Lets faults of the plan's kinds happen at random moments, until it is stopped and everything heals. */
export class Faults {
  readonly #world: World;
  readonly #strikes: Readonly<Record<FaultKind, (instance: Instance) => void>>;
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
    this.#strikes = {
      ...this.#ofNetwork(),
      ...this.#ofServer(),
      ...this.#ofState(),
      ...this.#ofInstance(),
      ...this.#ofPlain(),
      'forged-message': () => this.#forge(),
    };
    if (world.plan.faults.length > 0) this.#next();
    this.#copyNow();
  }

  /** Ends all faults that can end and lets no other one begin. */
  heal(): void {
    const { network, servers, instances } = this.#world;
    this.#isOver = true;
    network.heal();
    servers.heal();
    this.#world.plainServer.heal();
    for (const instance of instances) {
      instance.machine.wake();
      if (instance.machine.isDead || instance.isClosing) this.#world.replace(instance.index);
    }
    this.#world.note('world', 'heals');
  }

  #next(): void {
    const { random, scheduler, plan } = this.#world;
    scheduler.after(-Math.log(1 - random.next()) * plan.faultEveryMs, () => {
      if (this.#isOver) return;
      const kind = random.pick(plan.faults);
      const instance = random.pick(this.#world.instances);
      this.#world.note('world', kind, `i${instance.index}`);
      this.#strikes[kind](instance);
      this.#next();
    });
  }

  /** Snapshot files are written, and replicas lag behind, all the time. */
  #copyNow(): void {
    const { random, scheduler, plan, servers } = this.#world;
    scheduler.after(plan.leaseMs * random.between(0.05, 1), () => {
      if (this.#isOver) return;
      servers.copy();
      this.#world.plainServer.copy();
      this.#copyNow();
    });
  }

  #ofNetwork() {
    const { random, plan, network, scheduler } = this.#world;
    return {
      cut: (instance: Instance) => this.#cut(instance, random.pick(ROLES)),
      'kill-bus': (instance: Instance) => this.#cut(instance, 'bus'),
      'half-open': (instance: Instance) => this.#part(instance, 'lost', 'lost'),
      deaf: (instance: Instance) => this.#part(instance, 'flows', random.chance(0.5) ? 'held' : 'lost'),
      hold: (instance: Instance) => this.#part(instance, 'held', 'held'),
      'slow-network': () => {
        network.slow(random.between(2, (0.5 * plan.leaseMs) / plan.latencyMs));
        scheduler.after(this.#while(), () => network.slow(1));
      },
    };
  }

  #ofServer() {
    const { random, servers } = this.#world;
    const downMs = (): number => this.#while() * 0.5;
    return {
      'server-restart-empty': () => servers.restart('empty', downMs(), random.chance(0.3)),
      'server-restart-older': () => servers.restart('older', downMs(), random.chance(0.3)),
      'server-restart-clean': () => servers.restart('same', downMs(), random.chance(0.3)),
      failover: () => servers.failover(random.chance(0.5) ? 'gone' : 'silent'),
      demotion: () => servers.failover('demoted'),
      'server-stall': () => servers.primary.stall(this.#while()),
      'new-replid': () => servers.renewTimeline(),
      'flush-scripts': () => servers.primary.flushScripts(),
    };
  }

  #ofState() {
    const { random, servers, plan, oracle } = this.#world;
    return {
      'flush-all': () => {
        const { authority } = servers.primary;
        authority.loseMembers();
        oracle.loseMembers();
        for (const key of plan.keys) authority.evict(key);
        authority.lose();
      },
      'evict-state': () => servers.primary.authority.lose(),
      'evict-members': () => {
        servers.primary.authority.loseMembers();
        oracle.loseMembers();
      },
      'evict-log': () => servers.primary.authority.trim(0),
      'trim-log': () => servers.primary.authority.trim(random.below(3)),
      'evict-entry': () => servers.primary.authority.evict(random.pick(plan.keys)),
    };
  }

  #ofPlain() {
    const { random, plainServer, network, scheduler } = this.#world;
    const part = ({ index }: Instance, up: Fate, down: Fate): void => {
      scheduler.after(this.#while(), network.part({ instance: index, role: 'plain', up, down }));
    };
    return {
      'plain-restart-empty': () => plainServer.restart(this.#while() * 0.5, 'nothing'),
      'plain-restart-older': () => plainServer.restart(this.#while() * 0.5, 'copy'),
      'plain-evict': () => plainServer.evict(),
      'plain-stall': () => plainServer.stall(this.#while()),
      'plain-lost': (instance: Instance) => part(instance, 'lost', 'lost'),
      'plain-hold': (instance: Instance) => part(instance, 'held', random.chance(0.5) ? 'held' : 'flows'),
    };
  }

  #ofInstance() {
    const { random, plan } = this.#world;
    const onRunning = (strike: (instance: Instance) => void) => (instance: Instance) => {
      if (instance.isRunning) strike(instance);
    };
    return {
      pause: onRunning(({ machine }) => machine.pause(this.#while())),
      hiccup: onRunning(({ machine }) => machine.pause(random.next() * 0.1 * plan.leaseMs)),
      sleep: onRunning(({ machine }) => machine.sleep(this.#while() * random.pick([1, 10]))),
      'step-wall': onRunning((instance) => this.#step(instance)),
      'close-instance': onRunning((instance) => {
        instance.close();
        this.#reviveLater(instance.index);
      }),
      'crash-instance': onRunning(({ machine, index }) => {
        machine.kill();
        this.#reviveLater(index);
      }),
    };
  }

  /** A message that no script has sent: of a number far from any that is given, of another epoch, or no message at all. */
  #forge(): void {
    const { random, servers, plan } = this.#world;
    const { authority } = servers.primary;
    const epoch = random.chance(0.8) ? authority.capture().epoch : random.pick(['f', '0']).repeat(32);
    const names = {
      ...NOTHING,
      keys: plan.keys.filter(() => random.chance(0.5)),
      tags: plan.tags.filter(() => random.chance(0.5)),
      prefixes: plan.prefixes.filter(() => random.chance(0.5)),
      clear: random.chance(0.1),
    };
    const fence = random.pick<FenceChange | undefined>([
      undefined,
      { kind: 'close', id: 'forged', lifeMs: plan.leaseMs, isExclusive: true },
      { kind: 'lift', id: 'forged' },
    ]);
    const seq = 1_000_000 + random.below(2 ** 40);
    servers.primary.publish(random.chance(0.9) ? `1 ${epoch} ${seq} ${encodeEvent(names, fence)}` : 'garbage');
  }

  #step({ machine, index }: Instance): void {
    const { random, plan } = this.#world;
    const size = Math.ceil(plan.leaseMs * random.pick([0.02, 0.3, 1, 10]) * random.next());
    const ms = random.chance(0.5) ? size : -size;
    this.#world.note('world', 'steps', `i${index}`, `${ms} ms`);
    machine.stepWall(ms);
  }

  #reviveLater(index: number): void {
    this.#world.scheduler.after(this.#while(), () => {
      if (!this.#isOver && this.#world.instances[index]?.machine.isDead === true) this.#world.replace(index);
    });
  }

  #cut(instance: Instance, role: Partition['role']): void {
    const { network, servers } = this.#world;
    const wires = new Set(network.wiresOf(instance.index).filter((wire) => role === undefined || wire.role === role));
    servers.primary.disconnect((wire) => wires.has(wire));
  }

  #part(instance: Instance, up: Fate, down: Fate): void {
    const { random, network, scheduler } = this.#world;
    const heal = network.part({ instance: instance.index, role: random.pick(ROLES), up, down });
    scheduler.after(this.#while(), heal);
  }

  /** How long a fault lasts: mostly shorter than Δ, sometimes far longer. */
  #while(): number {
    const { random, plan } = this.#world;
    return plan.leaseMs * random.pick([0.3, 1, 4, 4]) * random.next();
  }
}
