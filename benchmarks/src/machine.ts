import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What the figures were taken on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** Processes that wanted a core when the run began, as a mean of the last minute. */
  readonly loadAtStart: number;
  readonly system: string;
  readonly node: string;
  readonly v8: string;
  readonly redis: string;
  readonly memcached: string;
  /** Revision of tierwise, with a plus where files were changed. */
  readonly revision: string;
  /** Packages that were measured, by name. */
  readonly packages: Readonly<Record<string, string>>;
}

/** Processes that want a core, as a mean of the last minute. */
export function currentLoad(): number {
  return Number((loadavg()[0] ?? 0).toFixed(2));
}

/** Whether others keep the machine so busy that figures would say more about them. */
export function isBusy(load: number): boolean {
  return load > cpus().length / 2;
}

const PACKAGES = [
  'ioredis',
  'lru-cache',
  'memjs',
  'bentocache',
  'cacheable',
  'cache-manager',
  'layered-loader',
  'async-cache-dedupe',
  '@keyv/redis',
  '@qified/redis',
  '@opentelemetry/api',
] as const;

export function describeMachine(servers: { redis: string; memcached: string }, loadAtStart: number): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadAtStart,
    system: `${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    ...servers,
    revision: revision(),
    packages: Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
  };
}

function revision(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
    const isChanged = git('status', '--porcelain', '--', 'packages') !== '';
    return git('rev-parse', '--short=10', 'HEAD') + (isChanged ? '+' : '');
  } catch {
    return 'unknown';
  }
}

function versionOf(name: string): string {
  const require = createRequire(import.meta.url);
  // Some packages do not export their manifest, so it is looked for where packages are.
  for (const directory of require.resolve.paths(name) ?? []) {
    try {
      return (JSON.parse(readFileSync(`${directory}/${name}/package.json`, 'utf8')) as { version: string }).version;
    } catch {
      // Not in this one.
    }
  }
  return 'unknown';
}
