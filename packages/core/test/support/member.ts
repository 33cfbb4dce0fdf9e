import type { Member } from '../../src/coherence/coordinator.ts';

/** Whoever asks for a tail where a test does it by hand. */
export const MEMBER: Member = { id: 'test', leaseMs: 2_000 };
