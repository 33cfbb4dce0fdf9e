// Checked by the compiler only: `npm run typecheck`.

import { type CacheOptions, createCache, type Duration, type Ttl } from '../src/index.ts';

declare function take<T>(value: T): void;

const base = { name: 'shop', ttl: '5m', memory: { maxEntries: 10 } } as const;
take<CacheOptions>(base);
take<CacheOptions>({ ...base, memory: { maxBytes: 10 } });
take<CacheOptions>({ ...base, memory: { maxBytes: 10, maxEntries: 10, ttl: '5s' } });
// @ts-expect-error memory is bounded
take<CacheOptions>({ ...base, memory: {} });
// @ts-expect-error memory is bounded
take<CacheOptions>({ ...base, memory: { ttl: '5s' } });
// @ts-expect-error a ttl is required
createCache({ name: 'shop', memory: { maxEntries: 10 } });
// @ts-expect-error no such option
createCache({ ...base, tttl: 5 });

take<Duration>(5);
take<Duration>('5ms');
take<Duration>('1.5h');
// @ts-expect-error no unit
take<Duration>('5');
// @ts-expect-error no such unit
take<Duration>('5w');
take<Ttl>({ forever: 'country codes do not change' });
// @ts-expect-error without a reason
take<Ttl>('forever');
