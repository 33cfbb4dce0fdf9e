export {
  type CheckOptions,
  checkHistory,
  type HistoryVerdict,
  type StaleRead,
  type Violation,
  type ViolationRule,
} from './history/check-history.ts';
export {
  formatHistory,
  type HistoryEvent,
  type InvalidateEvent,
  parseHistory,
  type ReadEvent,
  type SetEvent,
  type SettledEvent,
} from './history/events.ts';
export { type Percentiles, percentiles } from './history/percentiles.ts';
export { type Admission, FaultProxy, type FaultProxyOptions, type ProxyTarget } from './proxy/fault-proxy.ts';
export type { CutKind, ProxiedConnection, Slowness } from './proxy/proxied-connection.ts';
export { SeededRandom } from './random.ts';
