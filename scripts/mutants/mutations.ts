import { AUTHORITY_MUTATIONS } from './authority-mutations.ts';
import { COHERENCE_MUTATIONS } from './coherence-mutations.ts';
import { ENGINE_MUTATIONS } from './engine-mutations.ts';
import { LAYER_MUTATIONS } from './layer-mutations.ts';
import { LINK_MUTATIONS } from './link-mutations.ts';
import { LUA_MUTATIONS } from './lua-mutations.ts';
import type { Mutation } from './mutation.ts';

const core = (...names: string[]): string[] => names.map((name) => `packages/core/test/${name}.test.ts`);
const redis = (...names: string[]): string[] => names.map((name) => `packages/redis/test/${name}.redis.test.ts`);

const AUTHORITY_TESTS = core(
  'authority',
  'closed-fences',
  'versioned-sets',
  'versions',
  'stale-fills',
  'set-conflicts',
);
const COHERENCE_TESTS = core(
  ...[
    'view',
    'view-messages',
    'forged-messages',
    'versions',
    'proof',
    'clocks',
    'tailer',
    'journal',
    'answers',
    'patterns',
    'lost-events',
    'bus-messages',
  ],
);
const ENGINE_TESTS = core(
  ...['single-flight', 'stale-fills', 'set-conflicts', 'own-writes', 'lost-events', 'availability', 'monotonic-reads'],
  ...['mutate', 'linearizable', 'batching', 'clocks'],
);
const LAYER_TESTS = core('generation-store', 'layers', 'breaker', 'oversize', 'buckets', 'stack-writer');
const LINK_TESTS = [
  'packages/redis/test/link.test.ts',
  'packages/redis/test/node-links.test.ts',
  ...redis('slow-answers', 'replica', 'restart'),
];
const LUA_TESTS = ['packages/redis/test/scripts-', 'packages/redis/test/authority-equivalence'];

/** Every rule of the protocol, one by one, each with the tests that are most likely to notice. */
export const MUTATIONS: readonly (Mutation & Required<Pick<Mutation, 'witness'>>)[] = [
  ...askFirst(AUTHORITY_TESTS, AUTHORITY_MUTATIONS),
  ...askFirst(COHERENCE_TESTS, COHERENCE_MUTATIONS),
  ...askFirst(ENGINE_TESTS, ENGINE_MUTATIONS),
  ...askFirst(LAYER_TESTS, LAYER_MUTATIONS),
  ...askFirst(LINK_TESTS, LINK_MUTATIONS),
  ...askFirst(LUA_TESTS, LUA_MUTATIONS),
];

function askFirst(witness: readonly string[], mutations: readonly Mutation[]) {
  return mutations.map((mutation) => ({ witness, ...mutation }));
}
