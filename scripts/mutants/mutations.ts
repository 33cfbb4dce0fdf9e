import { AUTHORITY_MUTATIONS } from './authority-mutations.ts';
import { COHERENCE_MUTATIONS } from './coherence-mutations.ts';
import { ENGINE_MUTATIONS } from './engine-mutations.ts';
import type { Mutation } from './mutation.ts';

/** Every rule of the protocol, one by one. */
export const MUTATIONS: readonly Mutation[] = [...AUTHORITY_MUTATIONS, ...COHERENCE_MUTATIONS, ...ENGINE_MUTATIONS];
