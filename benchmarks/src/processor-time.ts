/**
 * What reading from Redis and storing in it cost in processor time, here and in the server, for each key: tierwise, the bare
 * client, and the least work of each. Rates hide where a call spends its time, since client and server partly take turns.
 * The figures of `docs/internals/measurements.md`.
 *
 *   npm run processor-time --workspace benchmarks
 */
import { Redis } from 'ioredis';
import { runCommand, startRedis } from '../../scripts/servers/index.ts';
import { fillAndCheck } from './agreement.ts';
import { median } from './result.ts';
import { serverMicros } from './server-time.ts';
import type { Subject } from './subject.ts';
import { subjectKind } from './subjects/index.ts';
import { keysUpTo, user, userOf } from './values.ts';

const KEYS = keysUpTo(1_000);
const ROUNDS = 12;
/** The first rounds compile what the others run. */
const WARM_UP_ROUNDS = 2;
const TURN_MS = 150;

/** One call for many keys, or many calls for one each, made in one tick. */
interface Operation {
  readonly name: string;
  readonly subjects: readonly string[];
  /** Divides the number of keys there are. */
  readonly keys: number;
  run(subject: Subject, keys: readonly string[]): Promise<unknown> | undefined;
}

const OPERATIONS: readonly Operation[] = [
  {
    name: 'get, 50 at once',
    subjects: ['ioredis', 'MGET a tick', 'tierwise'],
    keys: 50,
    run: ({ get }, keys) => get && Promise.all(keys.map((key) => get(key))),
  },
  {
    name: 'getMany of 100',
    subjects: ['ioredis', 'MGET a tick', 'tierwise'],
    keys: 100,
    run: ({ getMany }, keys) => getMany?.(keys),
  },
  {
    name: 'set, 50 at once',
    subjects: ['ioredis', 'script a tick', 'tierwise'],
    keys: 50,
    run: ({ set }, keys) => set && Promise.all(keys.map((key, index) => set(key, user(index)))),
  },
];

/** Microseconds a key. */
interface Sample {
  readonly here: number;
  readonly server: number;
}

await runCommand(async () => {
  const server = await startRedis();
  const admin = new Redis(server.url);
  try {
    for (const operation of OPERATIONS) await measureOperation(operation, server.url, admin);
  } finally {
    admin.disconnect();
    await server.stop();
  }
  return 0;
});

async function measureOperation(operation: Operation, redisUrl: string, admin: Redis): Promise<void> {
  const subjects: Subject[] = [];
  try {
    for (const name of operation.subjects) {
      // Memory that holds one entry leaves every read to Redis.
      const context = { redisUrl, memcachedAddress: undefined, name: `time-${name}`, memoryEntries: 1 };
      const subject = await subjectKind(name).open({ ...context, load: async (key) => userOf(key) });
      subjects.push(subject);
      await fillAndCheck(subject, KEYS);
    }
    const samples = subjects.map((): Sample[] => []);
    for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
      for (const [index, subject] of subjects.entries()) {
        const sample = await turn(operation, subject, admin);
        if (round >= WARM_UP_ROUNDS) samples[index]?.push(sample);
      }
    }
    console.log(`\n${operation.name}, microseconds of processor time a key: median (lowest to highest)`);
    for (const [index, { name }] of subjects.entries()) {
      const own = samples[index] ?? [];
      const [here, there] = [own.map((sample) => sample.here), own.map((sample) => sample.server)].map(summary);
      console.log(`  ${name.padEnd(14)} here ${here?.padEnd(22)} server ${there}`);
    }
  } finally {
    for (const subject of subjects) await subject.close();
  }
}

async function turn({ keys, run }: Operation, subject: Subject, admin: Redis): Promise<Sample> {
  const serverBefore = await serverMicros(admin);
  const before = process.cpuUsage();
  const beganMs = performance.now();
  let done = 0;
  while (performance.now() - beganMs < TURN_MS) {
    const at = done % KEYS.length;
    await run(subject, KEYS.slice(at, at + keys));
    done += keys;
  }
  const { user: userMicros, system } = process.cpuUsage(before);
  return { here: (userMicros + system) / done, server: ((await serverMicros(admin)) - serverBefore) / done };
}

function summary(values: readonly number[]): string {
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(2)} (${lowest.toFixed(2)} to ${highest.toFixed(2)})`;
}
