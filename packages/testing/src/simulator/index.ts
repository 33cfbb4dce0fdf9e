export type { Violation } from './oracle.ts';
export type { FaultKind, Plan } from './plan.ts';
export { type Outcome, simulate } from './simulation.ts';
