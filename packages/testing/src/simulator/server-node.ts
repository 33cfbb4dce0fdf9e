import * as lua from '@tierwise/redis/lua';
import { Authority, type BusMessage, encodeEvent, withOrigins } from 'tierwise/driver';
import type { SeededRandom } from '../random.ts';
import type { Scheduler } from './scheduler.ts';
import { runScriptModel, type ScriptWatch } from './script-model.ts';
import type { Wire } from './wire.ts';

type Argument = string | number | Buffer;

/** What a client can send. */
export type Command =
  | { readonly name: 'info' | 'subscribe' | 'ping' }
  | { readonly name: 'script'; readonly source: string }
  | { readonly name: 'mget'; readonly keys: readonly string[] }
  | { readonly name: 'hdel'; readonly field: string }
  | {
      readonly name: 'evalsha';
      readonly sha1: string;
      readonly keys: readonly string[];
      readonly args: readonly Argument[];
    }
  | {
      readonly name: 'eval';
      readonly source: string;
      readonly keys: readonly string[];
      readonly args: readonly Argument[];
    };

export type Reply = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: string };

/** The client's end of an accepted connection. */
interface Peer {
  message(text: string): void;
  end(): void;
}

/** What the pub/sub bus does to one message; probabilities. */
export interface BusFaults {
  readonly drop: number;
  readonly duplicate: number;
  readonly reorder: number;
  readonly reorderMs: number;
}

export interface ServerWatch extends ScriptWatch {
  /** `sender` is the instance whose command made it. */
  onEvent(event: BusMessage, sender: number): void;
  /** A tail that came over this connection has put its sender on the list of members. */
  onListed(wire: Wire): void;
  /** The list of members is not the one it was. */
  onMembersLost(): void;
}

export interface ServerNodeOptions {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly timeline: string;
  /** Its wall clock less true time. */
  readonly offsetMs: number;
  readonly logEvents: number;
  readonly maxVersions: number;
  /** Most events of one tail, below what the client asks for. */
  readonly tailEvents: number;
  readonly bus: BusFaults;
  readonly watch: ServerWatch;
}

const SCRIPTS = Object.values(lua);
const BY_DIGEST = new Map(SCRIPTS.map((script) => [script.sha1, script]));
const BY_SOURCE = new Map(SCRIPTS.map((script) => [script.source, script]));

/** One Redis process: single-threaded, its state an `Authority`, its clients wires. */
export class ServerNode {
  readonly authority: Authority;
  /** `master_replid`. */
  timeline: string;
  isUp = true;
  /** While down: whether connections are refused, or the machine does not answer at all. */
  isSilent = false;
  isPrimary = true;
  isLoading = false;
  readonly #options: ServerNodeOptions;
  readonly #peers = new Map<Wire, Peer>();
  readonly #subscribers = new Set<Wire>();
  readonly #loaded = new Set<string>();
  #sender = 0;
  #stalledUntilMs = 0;
  #backlog: (() => void)[] = [];

  constructor(options: ServerNodeOptions) {
    this.#options = options;
    this.timeline = options.timeline;
    const { logEvents, maxVersions } = options;
    const randomEpoch = (): string => '0'.repeat(32);
    this.authority = new Authority({ randomEpoch, logEvents, maxVersions, maxBytes: 2 ** 24 });
    this.authority.lose();
    this.authority.loseMembers();
    this.authority.subscribe((event) => this.#onEvent(event));
  }

  accept(wire: Wire, peer: Peer): 'accepted' | 'refused' | 'silent' {
    if (!this.isUp) return this.isSilent ? 'silent' : 'refused';
    this.#peers.set(wire, peer);
    return 'accepted';
  }

  /** The client has reset its connection. */
  drop(wire: Wire): void {
    this.#subscribers.delete(wire);
  }

  receive(wire: Wire, command: Command, answer: (reply: Reply) => void): void {
    const work = (): void => {
      if (!this.isUp || !this.#peers.has(wire)) return;
      const reply = this.#execute(wire, command);
      if (isTail(command) && reply.ok) this.#options.watch.onListed(wire);
      answer(reply);
    };
    if (this.#options.scheduler.nowMs < this.#stalledUntilMs) this.#backlog.push(work);
    else work();
  }

  /** Blocks the one thread of the process; 0 lets it go on. */
  stall(ms: number): void {
    const { scheduler } = this.#options;
    this.#stalledUntilMs = scheduler.nowMs + ms;
    scheduler.after(ms, () => {
      if (scheduler.nowMs < this.#stalledUntilMs) return;
      const backlog = this.#backlog;
      this.#backlog = [];
      for (const work of backlog) work();
    });
  }

  /** Ends connections from the server's side. */
  disconnect(isConcerned: (wire: Wire) => boolean = () => true): void {
    for (const [wire, peer] of [...this.#peers]) {
      if (!isConcerned(wire)) continue;
      this.#peers.delete(wire);
      this.#subscribers.delete(wire);
      wire.send('down', () => peer.end());
    }
  }

  /** Ends the process: connections break, or with the whole machine gone nobody tells. */
  crash(isSilent: boolean): void {
    this.isUp = false;
    this.isSilent = isSilent;
    this.#loaded.clear();
    if (!isSilent) this.disconnect();
    this.#peers.clear();
    this.#subscribers.clear();
  }

  start(timeline: string): void {
    this.timeline = timeline;
    this.isUp = true;
    this.isSilent = false;
  }

  /** Forgets all scripts. */
  flushScripts(): void {
    this.#loaded.clear();
  }

  #execute(wire: Wire, command: Command): Reply {
    this.#sender = wire.instance;
    if (this.isLoading && command.name !== 'ping') return failed('LOADING Redis is loading the dataset in memory');
    switch (command.name) {
      case 'ping':
        return { ok: true, value: 'PONG' };
      case 'info':
        return {
          ok: true,
          value: `role:${this.isPrimary ? 'master' : 'slave'}\r\nmaster_replid:${this.timeline}\r\n`,
        };
      case 'script':
        return this.#load(command.source);
      case 'subscribe':
        this.#subscribers.add(wire);
        return { ok: true, value: 1 };
      case 'mget':
        if (!this.isPrimary) return failed('MOVED 1 elsewhere');
        return { ok: true, value: this.#read(command.keys) };
      case 'hdel':
        if (!this.isPrimary) return failed("READONLY You can't write against a read only replica.");
        this.authority.leave(command.field);
        return { ok: true, value: 1 };
      case 'eval':
        this.#load(command.source);
        return this.#run(BY_SOURCE.get(command.source)?.sha1 ?? '', command.keys, command.args);
      case 'evalsha':
        return this.#run(command.sha1, command.keys, command.args);
    }
  }

  #load(source: string): Reply {
    const script = BY_SOURCE.get(source);
    if (script === undefined) throw new Error('the simulated server does not know this script');
    this.#loaded.add(script.sha1);
    return { ok: true, value: script.sha1 };
  }

  #read(names: readonly string[]): (Buffer | null)[] {
    const keys = names.map((name) => name.slice(name.indexOf(':') + 1));
    return this.authority.read(keys, this.#wallMs()).map((bytes) => (bytes === undefined ? null : Buffer.from(bytes)));
  }

  #run(sha1: string, keys: readonly string[], args: readonly Argument[]): Reply {
    if (!this.#loaded.has(sha1)) return failed('NOSCRIPT No matching script');
    if (!this.isPrimary) return failed("READONLY You can't write against a read only replica.");
    const script = BY_DIGEST.get(sha1);
    if (script === undefined) throw new Error('the simulated server does not know this digest');
    const { name } = script;
    const limited = name === 'read-tail' ? args.with(4, Math.min(Number(args[4]), this.#options.tailEvents)) : args;
    return {
      ok: true,
      value: runScriptModel(this.authority, { name, keys, args: limited }, this.#wallMs(), this.#options.watch),
    };
  }

  #onEvent(event: BusMessage): void {
    this.#options.watch.onEvent(event, this.#sender);
    this.publish(
      `1 ${event.epoch} ${event.seq} ${withOrigins(encodeEvent(event.invalidation, event.fence), event.origins ?? [])}`,
    );
  }

  /** Sends a message to all subscribers: the script that numbers events does, and whoever else knows the channel may. */
  publish(text: string): void {
    const { random, bus } = this.#options;
    for (const wire of this.#subscribers) {
      const arrive = (): void => this.#peers.get(wire)?.message(text);
      if (random.chance(bus.duplicate)) wire.sendLoose('down', random.between(0, bus.reorderMs), arrive);
      if (random.chance(bus.drop)) continue;
      if (random.chance(bus.reorder)) wire.sendLoose('down', random.between(0, bus.reorderMs), arrive);
      else wire.send('down', arrive);
    }
  }

  #wallMs(): number {
    return this.#options.scheduler.nowMs + this.#options.offsetMs;
  }
}

function isTail(command: Command): boolean {
  if (command.name === 'evalsha') return command.sha1 === lua.READ_TAIL.sha1;
  return command.name === 'eval' && command.source === lua.READ_TAIL.source;
}

function failed(error: string): Reply {
  return { ok: false, error };
}
