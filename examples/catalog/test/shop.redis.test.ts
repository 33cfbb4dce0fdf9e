import { redis } from '@tierwise/redis';
import { describe, inject } from 'vitest';
import { itBehavesAsOneShop } from './shop-behaviour.ts';

describe('two instances with Redis between them', () => {
  itBehavesAsOneShop(() => () => redis({ url: inject('redisUrl') }));
});
