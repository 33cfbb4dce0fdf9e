import type { TestProject } from 'vitest/node';
import { findMemcached, orExplain } from '../servers/index.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address of the one Memcached that all tests of a run share: keep to a namespace of your own. */
    memcachedUrl: string;
  }
}

/** Runs once before the first `.memcached.test.ts` file of a run, and not at all when there is none. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const memcached = await orExplain(findMemcached());
  project.provide('memcachedUrl', memcached.url);
  return () => memcached.stop();
}
