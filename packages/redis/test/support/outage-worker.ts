// An application that listens to no event and handles no rejection of its own. It reads and writes until its server has
// gone and come back as often as its parent says, and then reports. Anything unhandled ends it with another exit code.
import { createCache } from 'tierwise';
import { redis } from '../../src/index.ts';

const [url = '', name = ''] = process.argv.slice(2);
const cache = createCache({
  name,
  ttl: '1m',
  memory: { maxEntries: 100 },
  remote: redis({ url, commandTimeout: '200ms' }),
  coherence: { lease: '200ms' },
});

let calls = 0;
let answers = 0;
let isOver = false;

async function load(key: string): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 3));
  return `value of ${key}`;
}

async function answered(call: Promise<unknown>): Promise<void> {
  calls++;
  await call;
  answers++;
}

async function expectValue(key: string): Promise<void> {
  const value = await cache.getOrSet(key, () => load(key));
  if (value !== `value of ${key}`) throw new Error('a wrong value was served');
}

function work(): void {
  if (isOver) return;
  const id = calls % 10;
  for (let i = 0; i < 5; i++) void answered(expectValue(`k${id}`));
  void answered(cache.getMany([`k${id}`, 'x', 'y']));
  void answered(cache.get('z'));
  void answered(cache.set(`s${id}`, calls));
  if (calls % 7 === 0) void answered(cache.invalidateTags([`t${id}`]));
  setTimeout(work, 5);
}

process.on('message', async (message) => {
  if (message === 'health') process.send?.({ ...cache.health(), calls, answers });
  if (message !== 'end') return;
  isOver = true;
  while (answers < calls) await new Promise((resolve) => setTimeout(resolve, 5));
  await cache.close();
  process.send?.({ calls, answers });
  process.disconnect();
});
process.on('disconnect', () => {
  isOver = true;
});
work();
