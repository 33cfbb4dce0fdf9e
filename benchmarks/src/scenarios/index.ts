import type { Scenario } from '../bench.ts';
import { codec } from './codec.ts';
import { getMany } from './get-many.ts';
import { heap } from './heap.ts';
import { invalidation } from './invalidation.ts';
import { l1 } from './l1.ts';
import { l2 } from './l2.ts';
import { layers } from './layers.ts';
import { stampede } from './stampede.ts';
import { startUp } from './start-up.ts';
import { telemetry } from './telemetry.ts';
import { workload } from './workload.ts';
import { remove, set } from './writes.ts';

/** All scenarios, in the order in which they run and are shown. */
export const SCENARIOS: readonly Scenario[] = [
  layers,
  l1,
  l2,
  getMany,
  set,
  remove,
  stampede,
  invalidation,
  workload,
  codec,
  heap,
  startUp,
  telemetry,
];
