export { type ConsistencyCommand, runConsistency } from './command.ts';
export type { LaunchedRedis, RedisLauncher } from './redis-launcher.ts';
export type { FaultRecord, PlotPoint, RunReport } from './report.ts';
