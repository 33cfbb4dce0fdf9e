/**
 * Holds the files under docker/ against the programs that will read them, as far as these are on this machine: compose files
 * against `docker compose`, alert rules and their tests against `promtool`, the balancer's configuration against `haproxy`.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const DOCKER = fileURLToPath(new URL('../docker', import.meta.url));

interface Check {
  readonly what: string;
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  /** Whether the program is here, as a command that then succeeds. */
  readonly probe: readonly [string, ...string[]];
  readonly howToGet: string;
}

const COMPOSE = {
  cwd: DOCKER,
  probe: ['docker', 'compose', 'version'],
  howToGet: 'no `docker compose` (https://docs.docker.com/compose/install)',
} as const;
const PROMTOOL = {
  cwd: `${DOCKER}/prometheus`,
  probe: ['promtool', '--version'],
  howToGet: 'no `promtool` (Debian and Ubuntu: apt-get install prometheus)',
} as const;

const CHECKS: readonly Check[] = [
  ...['compose.yaml', 'compose.cluster.yaml'].map(
    (file): Check => ({ ...COMPOSE, what: file, command: ['docker', 'compose', '-f', file, 'config', '--quiet'] }),
  ),
  { ...PROMTOOL, what: 'prometheus/prometheus.yml', command: ['promtool', 'check', 'config', 'prometheus.yml'] },
  { ...PROMTOOL, what: 'prometheus/alerts.yml', command: ['promtool', 'check', 'rules', 'alerts.yml'] },
  { ...PROMTOOL, what: 'prometheus/alerts.test.yml', command: ['promtool', 'test', 'rules', 'alerts.test.yml'] },
  {
    what: 'haproxy/haproxy.cfg',
    command: ['haproxy', '-c', '-f', 'haproxy/haproxy.cfg'],
    cwd: DOCKER,
    probe: ['haproxy', '-v'],
    howToGet: 'no `haproxy` (Debian and Ubuntu: apt-get install haproxy)',
  },
];

function succeeds([program, ...args]: Check['probe'], cwd: string): { readonly ok: boolean; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}` };
}

for (const { what, command, cwd, probe, howToGet } of CHECKS) {
  if (!succeeds(probe, cwd).ok) {
    console.log(`not checked  ${what}: ${howToGet}`);
    continue;
  }
  const { ok, output } = succeeds(command, cwd);
  console.log(`${ok ? 'ok         ' : 'FAILED     '}  ${what}`);
  if (ok) continue;
  console.log(output);
  process.exitCode = 1;
}
