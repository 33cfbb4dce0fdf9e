import { INVALIDATE_NAMES, READ_TAIL, SET_ENTRIES } from '@tierwise/redis/lua';
import { nextTurn } from '../clock.ts';
import { SeededRandom } from '../random.ts';
import { Database } from './database.ts';
import { History } from './history.ts';
import { Instance, type Surroundings } from './instance.ts';
import { Network } from './network.ts';
import { Oracle } from './oracle.ts';
import { PlainServer } from './plain-server.ts';
import { drawPlan, type Plan } from './plan.ts';
import { Scheduler } from './scheduler.ts';
import type { Command } from './server-node.ts';
import { Servers } from './servers.ts';

/** Everything there is in one simulation, drawn from one seed. */
export class World implements Surroundings {
  readonly random: SeededRandom;
  readonly plan: Plan;
  readonly scheduler = new Scheduler();
  readonly history = new History();
  readonly oracle: Oracle;
  readonly network: Network;
  readonly servers: Servers;
  readonly plainServer: PlainServer;
  readonly database: Database;
  readonly instances: Instance[] = [];
  longestCallMs = 0;
  events = 0;
  #isTouched = false;

  constructor(seed: number, change: (plan: Plan) => Plan = (plan) => plan) {
    this.random = new SeededRandom(seed * 2_654_435_761);
    const { random, scheduler } = this;
    this.plan = change(drawPlan(random.fork()));
    const { plan } = this;
    this.oracle = new Oracle({ scheduler, history: this.history, leaseMs: plan.leaseMs });
    this.network = new Network({ ...plan, scheduler, random });
    this.servers = new Servers({
      scheduler,
      random,
      plan,
      watch: {
        onEvent: (event, sender) => this.oracle.sequenced(event, plan.store === 'plain' ? sender : undefined),
        onListed: ({ instance, madeMs }) => this.oracle.listed(instance, madeMs),
        onMembersLost: () => this.oracle.loseMembers(),
        onStored: (key, bytes, ownSeq, before) => this.oracle.stored(key, bytes, ownSeq, before),
        onOutdated: (key, bytes, ownSeq) => this.oracle.outdated(key, bytes, ownSeq),
      },
    });
    this.plainServer = new PlainServer({ scheduler, random, plan });
    this.database = new Database(plan.keys, plan.tags, random);
    for (let index = 0; index < plan.instances; index++) this.instances.push(new Instance(this, index));
    this.touch();
  }

  get isBroken(): boolean {
    return this.oracle.violations.length > 0;
  }

  /** Some process ran: its promise reactions come next. */
  touch(): void {
    this.#isTouched = true;
  }

  note(who: string, what: string, ...facts: readonly (string | number | undefined)[]): void {
    this.history.add(this.scheduler.nowMs, who, what, ...facts);
  }

  noteDuration(ms: number): void {
    this.longestCallMs = Math.max(this.longestCallMs, ms);
  }

  /**
   * Something that tells of events got to an instance. It counts as heard once the instance has worked on it and is
   * proved: while it doubts its epoch it may not apply what it is told, and relies on nothing either.
   */
  hear(index: number, tell: () => void): void {
    const instance = this.instances[index];
    this.scheduler.after(0, () => {
      if (instance?.isRunning === true && instance.cache.health().state === 'coherent') tell();
    });
  }

  /** A reply of a script got to an instance. */
  heardReply(instance: number, command: Command, reply: readonly unknown[]): void {
    if (command.name !== 'evalsha' || reply[0] !== 'OK') return;
    const epoch = String(reply[1]);
    const seq = Number(reply[2]);
    const { sha1 } = command;
    // Sets that are all outdated are no event: the number is that of somebody else's.
    const isOwnEvent = sha1 === SET_ENTRIES.sha1 && /[^3]/.test(String(reply[3]));
    if (sha1 === INVALIDATE_NAMES.sha1 || isOwnEvent) {
      this.hear(instance, () => this.oracle.heardMessage(instance, epoch, seq));
    }
    if (sha1 !== READ_TAIL.sha1) return;
    const upTo = reply[5] === 'SNAPSHOT' ? seq : Number(reply[6]) - 1 + reply.length - 7;
    this.hear(instance, () => this.oracle.heardTail(instance, epoch, upTo));
  }

  /** Puts a new process in the place of one that ended. */
  replace(index: number): void {
    this.oracle.forgetInstance(index);
    this.instances[index] = new Instance(this, index);
    this.note('world', 'starts', `i${index}`);
    this.touch();
  }

  /** Lets the world go on until `isDone`, a violation, or `untilMs`. Answers whether `isDone` was reached. */
  async run(untilMs: number, isDone: () => boolean = () => false): Promise<boolean> {
    for (;;) {
      if (this.#isTouched) {
        this.#isTouched = false;
        await nextTurn();
        // What ran may have left more to run.
        continue;
      }
      if (this.isBroken) return false;
      if (isDone()) return true;
      if (!this.scheduler.step(untilMs)) return isDone();
      this.events++;
    }
  }
}
