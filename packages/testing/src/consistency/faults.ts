import { sleep } from '../clock.ts';
import type { Admission } from '../proxy/fault-proxy.ts';
import type { SeededRandom } from '../random.ts';
import { keyNames } from './contract.ts';
import type { Fleet } from './fleet.ts';
import type { Lab } from './lab.ts';

/** What a fault can lay hands on. */
export interface FaultContext {
  readonly lab: Lab;
  readonly fleet: Fleet;
  readonly random: SeededRandom;
  readonly leaseMs: number;
  readonly cacheName: string;
  readonly keys: number;
}

interface Fault {
  /** One line, for the help. */
  readonly says: string;
  /** Whether it harms whoever else uses the server, so that it is done to servers of our own only. */
  readonly needsOwnServer: boolean;
  /** Does it once and ends it; answers what it did, for the report. */
  run(context: FaultContext): Promise<string>;
}

const MAX_FAULT_MS = 4_000;

export const FAULTS = {
  none: { says: 'nothing', needsOwnServer: false, run: async () => '' },
  cut: { says: 'connections are reset or closed, some cannot be made for a while', needsOwnServer: false, run: cut },
  halfopen: { says: 'connections go silent without a FIN, for up to 3 Δ', needsOwnServer: false, run: halfOpen },
  stall: { says: 'bytes are held back for up to 3 Δ and then arrive', needsOwnServer: false, run: stall },
  slow: { says: 'every byte takes up to 100 ms longer', needsOwnServer: false, run: slow },
  pause: { says: 'a process is stopped (SIGSTOP) for up to 3 Δ', needsOwnServer: false, run: pause },
  crash: { says: 'a process is killed and replaced', needsOwnServer: false, run: crash },
  restart: { says: 'Redis is killed and comes back empty', needsOwnServer: true, run: restart },
  rollback: { says: 'Redis is killed and comes back from an older RDB file', needsOwnServer: true, run: rollback },
  failover: { says: 'a replica that lags is promoted behind the same address', needsOwnServer: true, run: failover },
  flushall: { says: 'FLUSHALL', needsOwnServer: true, run: flushAll },
  evict: {
    says: 'one of the keys of the cache is deleted: meta, fence, log or entries',
    needsOwnServer: false,
    run: evict,
  },
  killpubsub: { says: 'CLIENT KILL TYPE pubsub', needsOwnServer: true, run: killPubSub },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

/** One proxy, or now and then all of them. */
function someProxies({ lab, random }: FaultContext) {
  return random.chance(0.25) ? lab.proxies : [random.pick(lab.proxies)];
}

function faultMs({ random, leaseMs }: FaultContext, from: number, to: number): number {
  return Math.min(MAX_FAULT_MS, Math.max(50, random.between(from * leaseMs, to * leaseMs)));
}

async function cut(context: FaultContext): Promise<string> {
  const { random } = context;
  const proxies = someProxies(context);
  const kind = random.chance(0.5) ? 'reset' : 'fin';
  const admission: Admission = random.chance(0.6) ? 'refused' : 'pass';
  for (const proxy of proxies) proxy.cut(kind, admission);
  const downMs = faultMs(context, 0.2, 2);
  if (admission === 'refused') await sleep(downMs);
  for (const proxy of proxies) proxy.resume();
  return `${kind} of ${proxies.length}${admission === 'refused' ? `, no connection for ${Math.round(downMs)} ms` : ''}`;
}

async function halfOpen(context: FaultContext): Promise<string> {
  const proxies = someProxies(context);
  const admission = context.random.pick<Admission>(['silent', 'silent', 'pass', 'refused']);
  for (const proxy of proxies) proxy.silence(admission);
  const downMs = faultMs(context, 0.5, 3);
  await sleep(downMs);
  for (const proxy of proxies) proxy.resume();
  return `${proxies.length} silent for ${Math.round(downMs)} ms, new connections ${admission}`;
}

async function stall(context: FaultContext): Promise<string> {
  const proxies = someProxies(context);
  for (const proxy of proxies) proxy.hold();
  const downMs = faultMs(context, 0.5, 3);
  await sleep(downMs);
  for (const proxy of proxies) proxy.resume();
  return `${proxies.length} held for ${Math.round(downMs)} ms`;
}

async function slow(context: FaultContext): Promise<string> {
  const proxies = someProxies(context);
  const delayMs = context.random.between(1, 50);
  for (const proxy of proxies) proxy.slow({ delayMs, jitterMs: delayMs });
  await sleep(faultMs(context, 1, 3));
  for (const proxy of proxies) proxy.resume();
  return `${proxies.length} slower by ${delayMs.toFixed(0)} to ${(2 * delayMs).toFixed(0)} ms`;
}

async function pause(context: FaultContext): Promise<string> {
  const { fleet, random } = context;
  const { index, name } = random.pick(fleet.instances);
  const pauseMs = faultMs(context, 0.5, 3);
  await fleet.pause(index, pauseMs);
  return `${name} for ${Math.round(pauseMs)} ms`;
}

async function crash({ fleet, random }: FaultContext): Promise<string> {
  const { index, name } = random.pick(fleet.instances);
  await fleet.crash(index);
  return name;
}

async function restart(context: FaultContext): Promise<string> {
  const downMs = context.random.between(50, 800);
  await context.lab.restart(downMs, 'nothing');
  return `down for ${Math.round(downMs)} ms`;
}

async function rollback({ lab, random }: FaultContext): Promise<string> {
  await lab.admin((client) => client.save());
  const lostMs = random.between(50, 1_000);
  await sleep(lostMs);
  const downMs = random.between(20, 500);
  await lab.restart(downMs, 'file');
  return `down for ${Math.round(downMs)} ms, back to ${Math.round(lostMs)} ms before`;
}

async function failover({ lab, random }: FaultContext): Promise<string> {
  lab.stallReplication();
  const lagMs = random.between(0, 600);
  await sleep(lagMs);
  const downMs = random.between(0, 500);
  await lab.failOver(downMs);
  return `down for ${Math.round(downMs)} ms, the replica ${Math.round(lagMs)} ms behind`;
}

async function flushAll({ lab }: FaultContext): Promise<string> {
  await lab.admin((client) => client.flushall());
  return '';
}

async function evict({ lab, random, cacheName, keys }: FaultContext): Promise<string> {
  const state = random.pick(['meta', 'fence', 'log', 'entries', 'meta and fence']);
  const names =
    state === 'entries'
      ? Array.from({ length: keys }, (_, index) => `${cacheName}:${keyNames(index).key}`)
      : state.split(' and ').map((part) => `${cacheName}#${part}`);
  await lab.admin((client) => client.del(...names));
  return state;
}

async function killPubSub({ lab }: FaultContext): Promise<string> {
  const killed = await lab.admin((client) => client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'));
  return `${String(killed)} connections`;
}
