import type { TestProject } from 'vitest/node';
import { findRedis, orExplain } from '../servers/index.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Address of the one Redis that all tests of a run share: keep to a namespace of your own. */
    redisUrl: string;
  }
}

/** Runs once before the first `.redis.test.ts` file of a run, and not at all when there is none. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const redis = await orExplain(findRedis());
  project.provide('redisUrl', redis.url);
  return () => redis.stop();
}
