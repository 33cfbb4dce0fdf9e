import { sleep } from '../clock.ts';
import type { Admission, FaultProxy } from '../proxy/fault-proxy.ts';
import type { SeededRandom } from '../random.ts';
import type { ClusterLab } from './cluster-lab.ts';
import { keyNames } from './contract.ts';
import type { Fleet } from './fleet.ts';
import type { Lab } from './lab.ts';
import type { MemcachedSide } from './memcached-side.ts';
import type { ServerLab } from './server-lab.ts';

/** What a fault can lay hands on. */
export interface FaultContext {
  readonly lab: Lab;
  /** The same lab, where it is one server. */
  readonly server: ServerLab | undefined;
  /** The same lab, where it is a cluster. */
  readonly cluster: ClusterLab | undefined;
  /** Where the entries are, if not in Redis. */
  readonly memcached: MemcachedSide | undefined;
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
  /** Where it can be done. */
  readonly on: 'server' | 'cluster' | 'memcached' | 'both';
  /** Does it once and ends it; answers what it did, for the report. */
  run(context: FaultContext): Promise<string>;
}

function fault(on: Fault['on'], says: string, run: Fault['run']): Fault {
  return { says, needsOwnServer: false, on, run };
}

function destructive(on: Fault['on'], says: string, run: Fault['run']): Fault {
  return { says, needsOwnServer: true, on, run };
}

const MAX_FAULT_MS = 4_000;

export const FAULTS = {
  none: fault('both', 'nothing', async () => ''),
  cut: fault('both', 'connections are reset or closed, some cannot be made for a while', cut),
  halfopen: fault('both', 'connections go silent without a FIN, for up to 3 Δ', halfOpen),
  stall: fault('both', 'bytes are held back for up to 3 Δ and then arrive', stall),
  slow: fault('both', 'every byte takes up to 100 ms longer', slow),
  pause: fault('both', 'a process is stopped (SIGSTOP) for up to 3 Δ', pause),
  crash: fault('both', 'a process is killed and replaced', crash),
  restart: destructive('server', 'Redis is killed and comes back empty', restart),
  rollback: destructive('server', 'Redis is killed and comes back from an older RDB file', rollback),
  failover: destructive(
    'both',
    'a replica takes over: one that lags; on a cluster, that of a killed primary',
    failover,
  ),
  migrate: destructive('cluster', 'slots of the cache move to other nodes, a few keys at a time', migrate),
  flushall: destructive('both', 'FLUSHALL', flushAll),
  evict: fault('both', 'one of the keys of the cache is deleted: meta, fence, log or entries', evict),
  killpubsub: destructive('both', 'CLIENT KILL TYPE pubsub', killPubSub),
  memrestart: fault('memcached', 'Memcached is killed and comes back empty', memRestart),
  mempause: fault('memcached', 'Memcached is stalled for up to 3 Δ, and answers late', memPause),
  memevict: fault('memcached', 'Memcached forgets everything', memEvict),
  memfull: fault('memcached', 'Memcached is full for up to 3 Δ, and evicts entries of the cache', memFull),
  memrefuse: fault('memcached', 'another Memcached, full, refuses entries of the cache for up to 3 Δ', memRefuse),
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

/** The proxies of one instance, where it has several perhaps only one; now and then all of them. */
function someProxies({ lab, memcached, random }: FaultContext): readonly FaultProxy[] {
  const all = lab.proxies.map((own, index) => [...own, ...(memcached?.proxies.slice(index, index + 1) ?? [])]);
  if (random.chance(0.25)) return all.flat();
  const own = random.pick(all);
  return own.length === 1 || random.chance(0.5) ? own : [random.pick(own)];
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

async function restart({ server, random }: FaultContext): Promise<string> {
  const downMs = random.between(50, 800);
  await server?.restart(downMs, 'nothing');
  return `down for ${Math.round(downMs)} ms`;
}

async function rollback({ server, random }: FaultContext): Promise<string> {
  await server?.onPrimaries((client) => client.save());
  const lostMs = random.between(50, 1_000);
  await sleep(lostMs);
  const downMs = random.between(20, 500);
  await server?.restart(downMs, 'file');
  return `down for ${Math.round(downMs)} ms, back to ${Math.round(lostMs)} ms before`;
}

async function failover({ server, cluster, random }: FaultContext): Promise<string> {
  if (cluster !== undefined) return `taken over after ${Math.round(await cluster.failOver())} ms`;
  server?.stallReplication();
  const lagMs = random.between(0, 600);
  await sleep(lagMs);
  const downMs = random.between(0, 500);
  await server?.failOver(downMs);
  return `down for ${Math.round(downMs)} ms, the replica ${Math.round(lagMs)} ms behind`;
}

async function migrate({ cluster, cacheName }: FaultContext): Promise<string> {
  return `${await cluster?.migrate(cacheName)} slots`;
}

async function flushAll({ lab }: FaultContext): Promise<string> {
  await lab.onPrimaries((client) => client.flushall());
  return '';
}

async function evict({ lab, random, cacheName, keys }: FaultContext): Promise<string> {
  const state = random.pick(['meta', 'fence', 'log', 'entries', 'meta and fence']);
  const base = lab.base(cacheName);
  const names =
    state === 'entries'
      ? Array.from({ length: keys }, (_, index) => `${base}:${keyNames(index).key}`)
      : state.split(' and ').map((part) => `${base}#${part}`);
  await lab.remove(names);
  return state;
}

async function killPubSub({ lab }: FaultContext): Promise<string> {
  const killed = await lab.onPrimaries((client) => client.call('CLIENT', 'KILL', 'TYPE', 'pubsub'));
  return `${killed.reduce((sum: number, count) => sum + Number(count), 0)} connections`;
}

async function memRestart({ memcached, random }: FaultContext): Promise<string> {
  const downMs = random.between(50, 800);
  await memcached?.restart(downMs);
  return `down for ${Math.round(downMs)} ms`;
}

async function memPause(context: FaultContext): Promise<string> {
  const stallMs = faultMs(context, 0.5, 3);
  await context.memcached?.stall(stallMs);
  return `for ${Math.round(stallMs)} ms`;
}

async function memEvict({ memcached }: FaultContext): Promise<string> {
  await memcached?.forget();
  return '';
}

async function memFull(context: FaultContext): Promise<string> {
  const fullMs = faultMs(context, 1, 3);
  const evicted = await context.memcached?.crowd(fullMs);
  return `${evicted} entries of the cache evicted in ${Math.round(fullMs)} ms`;
}

async function memRefuse(context: FaultContext): Promise<string> {
  const fullMs = faultMs(context, 1, 3);
  const refused = await context.memcached?.refuse(fullMs);
  return `${refused} entries of the cache refused in ${Math.round(fullMs)} ms`;
}
