/**
 * Holds `@tierwise/otel` to the OpenTelemetry API it promises: a peer of `^1.9.0` and nothing else, and no feature that 1.9
 * lacks. A library that brings an API of its own goes silent in a service on an older one.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGE = join(ROOT, 'packages', 'otel');
const API = '@opentelemetry/api';
const RANGE = '^1.9.0';
const OLDEST = /^1\.9\./;

interface Manifest {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(path, 'utf8')) as Manifest;
}

function faultsOfRange(): string[] {
  const { dependencies = {}, peerDependencies = {} } = readManifest(join(PACKAGE, 'package.json'));
  const faults: string[] = [];
  if (peerDependencies[API] !== RANGE) faults.push(`the peer ${API} is ${peerDependencies[API]}, not ${RANGE}`);
  const own = Object.keys(dependencies);
  if (own.length > 0) faults.push(`it has dependencies of its own: ${own.join(', ')}`);
  const others = Object.keys(peerDependencies).filter((name) => name !== API && name !== 'tierwise');
  if (others.length > 0) faults.push(`it has other peers: ${others.join(', ')}`);
  return faults;
}

/** What the sources import, beside Node and themselves. */
function faultsOfImports(): string[] {
  const allowed = new Set([API, 'tierwise', 'tierwise/driver', 'tierwise/telemetry']);
  return readdirSync(join(PACKAGE, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => {
      const text = readFileSync(join(PACKAGE, 'src', path), 'utf8');
      return [...text.matchAll(/from '([^'.][^']*)'/g)]
        .map(([, name = '']) => name)
        .filter((name) => !name.startsWith('node:') && !allowed.has(name))
        .map((name) => `src/${path} imports ${name}`);
    });
}

/** `npm run typecheck` holds the sources to the API that is installed, so that has to be the oldest one. */
function faultsOfVersion(): string[] {
  const { version } = readManifest(join(ROOT, 'node_modules', API, 'package.json'));
  return OLDEST.test(version) ? [] : [`version ${version} of ${API} is installed, which may have more than 1.9`];
}

/** Sources and tests type-check against the next API and SDK as well. */
function faultsOnNext(): string[] {
  const args = ['--project', join(ROOT, 'scripts', 'otel-sdk-3', 'tsconfig.json'), '--pretty', 'false'];
  try {
    execFileSync(join(ROOT, 'node_modules', '.bin', 'tsc'), args, { encoding: 'utf8', stdio: 'pipe' });
    return [];
  } catch (error) {
    return [`it does not type-check against API 1.10 and SDK 3:\n${(error as { stdout?: string }).stdout ?? error}`];
  }
}

const faults = [...faultsOfRange(), ...faultsOfImports(), ...faultsOfVersion(), ...faultsOnNext()];
for (const fault of faults) console.error(`@tierwise/otel: ${fault}`);
if (faults.length === 0) console.log(`@tierwise/otel needs ${API} ${RANGE}, and no more than 1.9 has`);
process.exitCode = faults.length === 0 ? 0 : 1;
