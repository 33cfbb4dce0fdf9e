import { redis } from '@tierwise/redis';
import type { Redis } from 'ioredis';
import { type Cache, CacheError, type CacheOptions, createCache, type PlainLayer, type Remote } from 'tierwise';
import { decodeMessage } from 'tierwise/driver';
import type { SeededRandom } from '../random.ts';
import { Machine } from './machine.ts';
import type { Network } from './network.ts';
import type { Oracle, Read, SimValue } from './oracle.ts';
import { PlainClient } from './plain-client.ts';
import type { PlainServer } from './plain-server.ts';
import type { Plan } from './plan.ts';
import type { Scheduler } from './scheduler.ts';
import type { Command, ServerNode } from './server-node.ts';
import { type LinkRole, SimClient } from './sim-client.ts';

/** What an instance needs of the world it lives in. */
export interface Surroundings {
  readonly plan: Plan;
  readonly random: SeededRandom;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly oracle: Oracle;
  readonly servers: { readonly primary: ServerNode };
  readonly plainServer: PlainServer;
  /** A process ran. */
  touch(): void;
  note(who: string, what: string, ...facts: readonly (string | number | undefined)[]): void;
  noteDuration(ms: number): void;
  hear(instance: number, tell: () => void): void;
  heardReply(instance: number, command: Command, reply: readonly unknown[]): void;
}

/** What a simulated loader rejects with. */
export class LoadFailed extends Error {}

/** Errors a call may end with although nothing is wrong with the cache. */
function isExpected(error: unknown): boolean {
  if (!CacheError.is(error)) return error instanceof LoadFailed;
  return error.code === 'LOAD_TIMEOUT' || error.code === 'CACHE_CLOSED';
}

/** One process with one cache: the engine's real code and the real Redis driver on a virtual machine. */
export class Instance {
  readonly index: number;
  readonly machine: Machine;
  readonly cache: Cache;
  isClosing = false;
  readonly #world: Surroundings;
  /** Calls that have not settled. */
  readonly #open = new Map<number, { what: string; atMs: number; stoppedMs: number }>();
  #calls = 0;

  constructor(world: Surroundings, index: number) {
    const { plan, random, scheduler } = world;
    this.index = index;
    this.#world = world;
    this.machine = new Machine({
      scheduler,
      // No two hosts agree about the time, and no two quartzes about a second.
      wallOffsetMs: 1.7e12 + random.between(-1e6, 1e6),
      rate: 1 + random.between(-2e-4, 2e-4),
      onRun: () => world.touch(),
    });
    this.cache = createCache({
      name: 'sim',
      ttl: plan.leaseMs * 1_000,
      memory: { maxEntries: plan.maxEntries },
      ...this.#layers(redis({ client: this.#client('root'), commandTimeout: plan.commandTimeoutMs })),
      coherence: { lease: plan.leaseMs, maxJournal: plan.maxJournal, maxVersions: 16 },
      codec: 'json',
      loadTimeout: plan.loadTimeoutMs,
      clock: this.machine,
    });
  }

  get isRunning(): boolean {
    return this.machine.isRunning;
  }

  /** Loads that began long ago and have not come back, calls that hang. */
  get openCalls(): number {
    return this.#open.size;
  }

  /** Follows a call until it settles, in time or not. */
  follow<R>(what: string, call: Promise<R>, done: (result: R) => void): void {
    const { scheduler, oracle, plan } = this.#world;
    const id = this.#calls++;
    const began = { what, atMs: scheduler.nowMs, stoppedMs: this.machine.stoppedMs };
    this.#open.set(id, began);
    const settle = (): void => {
      this.#open.delete(id);
      const tookMs = scheduler.nowMs - began.atMs - (this.machine.stoppedMs - began.stoppedMs);
      this.#world.noteDuration(tookMs);
      if (tookMs > plan.callLimitMs) oracle.report('G4', `i${this.index} ${what} took ${tookMs.toFixed(0)} ms`);
    };
    call.then(
      (result) => {
        settle();
        done(result);
      },
      (error: unknown) => {
        settle();
        this.#world.note(
          `i${this.index}`,
          'rejected',
          what,
          `i${this.index}`,
          error instanceof Error ? error.message : '',
        );
        if (!isExpected(error)) oracle.report('G4', `i${this.index} ${what} rejected: ${String(error)}`);
      },
    );
  }

  /** Ends the process in good order. */
  close(): void {
    this.isClosing = true;
    this.follow('close', this.cache.close(), () => this.machine.kill());
  }

  /** Hands what a read answered to the oracle. */
  answer(read: Read, key: string, value: unknown): void {
    if (value !== undefined) this.#world.oracle.answered(read, key, value as SimValue);
  }

  /** Reports what should have settled by now. */
  checkSettled(): void {
    for (const { what, atMs } of this.#open.values()) {
      this.#world.oracle.report('G4', `i${this.index} ${what} of ${atMs.toFixed(0)} hangs`);
    }
  }

  #layers(authority: Remote): Pick<CacheOptions, 'remote' | 'stores' | 'layers'> {
    const { plan, network, plainServer: server } = this.#world;
    if (plan.store === 'redis') return { remote: authority };
    const { index: instance, machine } = this;
    const plain: PlainLayer = {
      name: 'plain',
      connect: () => new PlainClient({ machine, network, instance, server, deadlineMs: plan.commandTimeoutMs }),
    };
    return { stores: { redis: authority, plain }, layers: ['memory', ...plan.store.split('-')] };
  }

  #client(role: LinkRole): Redis {
    const world = this.#world;
    const { index, machine } = this;
    const client = new SimClient({
      machine,
      network: world.network,
      instance: index,
      role,
      primary: () => world.servers.primary,
      duplicate: (next) => this.#client(next),
      onReply: (command, reply) => {
        if (command.name !== 'evalsha' || !reply.ok || !Array.isArray(reply.value)) return;
        world.heardReply(index, command, reply.value);
      },
      onMessage: (text) => {
        const event = decodeMessage(text);
        if (event === undefined) return;
        world.hear(index, () => world.oracle.heardMessage(index, event.epoch, event.seq));
      },
    });
    return client as unknown as Redis;
  }
}
