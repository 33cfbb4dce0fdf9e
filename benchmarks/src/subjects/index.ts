import type { SubjectKind } from '../subject.ts';
import { asyncCacheDedupe } from './async-cache-dedupe.ts';
import { bentocache } from './bentocache.ts';
import { cacheManager } from './cache-manager.ts';
import { cacheable } from './cacheable.ts';
import { ioredis } from './ioredis.ts';
import { judgedMap } from './judged-map.ts';
import { layeredLoader } from './layered-loader.ts';
import { lruCache } from './lru-cache.ts';
import { memjs } from './memjs.ts';
import { mgetATick } from './mget-a-tick.ts';
import { scriptATick } from './script-a-tick.ts';
import { tierwise } from './tierwise.ts';
import { tierwiseMemcached } from './tierwise-memcached.ts';

/** All subjects, in the order in which results show them. */
export const SUBJECTS: readonly SubjectKind[] = [
  lruCache,
  judgedMap,
  ioredis,
  mgetATick,
  scriptATick,
  memjs,
  tierwise,
  tierwiseMemcached,
  bentocache,
  cacheable,
  cacheManager,
  layeredLoader,
  asyncCacheDedupe,
];

/** The caches that are compared, in that order. */
export const CACHES = [
  'tierwise',
  'bentocache',
  'cacheable',
  'cache-manager',
  'layered-loader',
  'async-cache-dedupe',
] as const;

/** Names of the caches that are compared, but for those that cannot do what a scenario measures. */
export function cachesWithout(...others: readonly (typeof CACHES)[number][]): readonly string[] {
  return CACHES.filter((name) => !others.includes(name));
}

/** Names of the caches that tell other instances what to forget, and show what their memory holds. */
export const TELLING = cachesWithout('cacheable', 'cache-manager', 'async-cache-dedupe');

/** The subject of that name; the name comes from a scenario or from a parent process. */
export function subjectKind(name: string): SubjectKind {
  const kind = SUBJECTS.find((subject) => subject.name === name);
  if (kind === undefined) throw new Error(`there is no subject ${name}`);
  return kind;
}
