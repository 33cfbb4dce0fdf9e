import { setTimeout } from 'node:timers/promises';
import { expect, inject, onTestFinished, test } from 'vitest';
import { fillAndCheck } from '../src/agreement.ts';
import type { Subject } from '../src/subject.ts';
import { SUBJECTS, subjectKind, TELLING } from '../src/subjects/index.ts';
import { keysUpTo, userOf } from '../src/values.ts';

const KEYS = keysUpTo(60);
/** Subjects that need a Memcached are checked by every run of the scenarios that have them. */
const ON_MEMCACHED: readonly string[] = ['memjs', 'tierwise-memcached'];
const ON_REDIS = SUBJECTS.map(({ name }) => name).filter((name) => !ON_MEMCACHED.includes(name));

let opened = 0;

async function open(kind: string, name: string, memoryEntries: number, onLoad = () => {}): Promise<Subject> {
  const load = async (key: string): Promise<ReturnType<typeof userOf>> => {
    onLoad();
    return userOf(key);
  };
  const context = { redisUrl: inject('redisUrl'), memcachedAddress: undefined, name, memoryEntries, load };
  const subject = await subjectKind(kind).open(context);
  onTestFinished(() => subject.close());
  return subject;
}

test.each(ON_REDIS)('%s answers every way of asking with the right values', async (kind) => {
  const subject = await open(kind, `bench-test-${opened++}`, 1_000);
  await fillAndCheck(subject, KEYS);
});

test.each(['tierwise', 'bentocache', 'cacheable', 'cache-manager', 'layered-loader'])(
  '%s answers from Redis what another instance has stored, without loading',
  async (kind) => {
    const name = `bench-test-${opened++}`;
    await fillAndCheck(await open(kind, name, 1_000), KEYS);
    let loads = 0;
    const other = await open(kind, name, 1, () => {
      loads++;
    });
    for (const key of KEYS.slice(0, 10)) expect(await other.getOrSet?.(key)).toEqual(userOf(key));
    expect(loads).toBe(0);
  },
);

test.each(TELLING)('%s makes the memory of another instance forget', async (kind) => {
  const name = `bench-test-${opened++}`;
  const [writer, listener] = [await open(kind, name, 1_000), await open(kind, name, 1_000)];
  await writer.set?.('user:1', userOf('user:1'));
  await expect
    .poll(async () => {
      await listener.getOrSet?.('user:1');
      await setTimeout(5);
      return listener.holds?.('user:1');
    })
    .toBe(true);
  await writer.delete?.('user:1');
  await expect.poll(() => listener.holds?.('user:1')).toBe(false);
});

test('a subject that answers something else is refused', async () => {
  const subject = await open('lru-cache', 'unused', 1_000);
  const lying: Subject = { ...subject, get: async () => userOf('user:0') };
  await expect(fillAndCheck(lying, KEYS)).rejects.toThrow("lru-cache answers get('user:1')");
});
