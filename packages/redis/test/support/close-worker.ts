// Opens caches and closes them a moment later, each at another point of its connecting, and then has nothing left to do.
import { createCache } from 'tierwise';
import { redis } from '../../src/index.ts';

const [url = ''] = process.argv.slice(2);
for (let i = 0; i < 60; i++) {
  const remote = redis({ url, commandTimeout: '100ms' });
  const cache = createCache({ name: `closing${i}`, ttl: '1m', memory: { maxEntries: 10 }, remote });
  setTimeout(() => void cache.close(), i % 2 === 0 ? i / 2 : 3 * i);
}
