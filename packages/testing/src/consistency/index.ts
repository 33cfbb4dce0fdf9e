export { type ConsistencyCommand, runConsistency } from './command.ts';
export type { LaunchedServer, Launcher, Launchers } from './launcher.ts';
export type { FaultRecord, PlotPoint, RunReport } from './report.ts';
