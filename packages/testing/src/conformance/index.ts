import { sequenceConformance } from './coordinator-suite.ts';
import { failureConformance } from './failure-suite.ts';
import { fenceConformance } from './fence-suite.ts';
import { storeConformance } from './store-suite.ts';
import type { ConformanceCase, ConformanceSubject } from './subject.ts';

export { plainLayerConformance } from './plain-suite.ts';
export { storeConformance } from './store-suite.ts';
export type {
  ConformanceCase,
  ConformanceSubject,
  Obstacle,
  PlainConformanceSubject,
  Unreachability,
} from './subject.ts';

/** Everything a coordinator promises: sequence, log, bus, fences, members; and how it fails. */
export function coordinatorConformance(subject: ConformanceSubject): ConformanceCase[] {
  return [...sequenceConformance(subject), ...fenceConformance(subject), ...failureConformance(subject)];
}

/** Everything a shared layer promises. A remote that passes may be given to `createCache`. */
export function remoteConformance(subject: ConformanceSubject): ConformanceCase[] {
  return [...storeConformance(subject), ...coordinatorConformance(subject)];
}
