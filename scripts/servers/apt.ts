import { spawn } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { findBinary } from './binary.ts';

const LOCK_TIMEOUT_S = 120;

/** Runs a command; only its complaints may be shown, so that the output of ours stays clean. */
function run(command: string, args: readonly string[], complaints: 'shown' | 'hidden'): Promise<boolean> {
  return new Promise((resolve) => {
    spawn(command, args, { stdio: ['ignore', 'ignore', complaints === 'shown' ? 'inherit' : 'ignore'] })
      .on('error', () => resolve(false))
      .on('close', (code) => resolve(code === 0));
  });
}

async function isDebianLike(): Promise<boolean> {
  try {
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(await readFile('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** What to put in front of a command so that it runs as root; `undefined` when there is no way without asking. */
async function rootPrefix(): Promise<string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  return (await run('sudo', ['-n', 'true'], 'hidden')) ? ['sudo', '-n'] : undefined;
}

/** Ends the service that the package's installation may have started, and keeps it from coming back at boot. */
async function quietService(asRoot: (command: string[]) => Promise<boolean>, service: string): Promise<void> {
  if (await exists('/run/systemd/system')) await asRoot(['systemctl', 'disable', '--now', service]);
  else await asRoot([`/etc/init.d/${service}`, 'stop']);
}

/**
 * Installs a package of the distribution, where that is possible without asking anybody: on Debian or Ubuntu,
 * as root or with password-less sudo. Says so on standard error before it starts.
 *
 * @returns whether the package is installed now.
 */
export async function installPackage(name: string): Promise<boolean> {
  if (!(await isDebianLike()) || (await findBinary(['apt-get'])) === undefined) return false;
  const prefix = await rootPrefix();
  if (prefix === undefined) return false;

  console.error(
    `No ${name} here: installing the package ${name} with apt-get ${prefix.length > 0 ? '(sudo)' : '(as root)'}.`,
  );
  // RUNLEVEL=1 keeps a machine without systemd from starting the service.
  const environment = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1'];
  const aptGet = ['apt-get', '-qq', '-o', `DPkg::Lock::Timeout=${LOCK_TIMEOUT_S}`, '-o', 'Dpkg::Use-Pty=0'];
  const asRoot = (command: string[], complaints: 'shown' | 'hidden' = 'hidden'): Promise<boolean> => {
    const [first, ...rest] = [...prefix, ...command];
    return run(first!, rest, complaints);
  };
  // A list that could not be refreshed is no reason to stop: the install tells.
  await asRoot([...environment, ...aptGet, 'update'], 'shown');
  const install = [...environment, ...aptGet, 'install', '-y', '--no-install-recommends', name];
  const installed = await asRoot(install, 'shown');
  if (installed) await quietService(asRoot, name);
  return installed;
}
