import { inProcess } from 'tierwise';
import { describe } from 'vitest';
import { itBehavesAsOneShop } from './shop-behaviour.ts';

describe('two instances that share an in-process hub', () => {
  itBehavesAsOneShop(() => {
    const hub = inProcess();
    return () => hub;
  });
});
