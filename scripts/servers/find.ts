import { installPackage } from './apt.ts';
import { findBinary } from './binary.ts';
import { startContainer } from './container.ts';
import { ServerUnavailableError } from './errors.ts';
import type { Server, ServerKind, StartOptions } from './server.ts';
import { startSupervised } from './supervised-server.ts';

/** A server that somebody else runs: used as it is, never stopped and never signalled. */
function foreignServer(kind: ServerKind, url: string): Server {
  if (!URL.canParse(url)) throw new ServerUnavailableError(`${kind.envVariable} is not a URL`);
  const { hostname, port } = new URL(url);
  const refuse = async (): Promise<never> => {
    throw new ServerUnavailableError(`The ${kind.title} that ${kind.envVariable} names is not ours to signal`);
  };
  return {
    url,
    host: hostname,
    port: port === '' ? kind.defaultPort : Number(port),
    origin: 'env',
    dir: undefined,
    pid: undefined,
    kill: refuse,
    restart: refuse,
    stop: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Starts a server of one's own, which may be killed and restarted: from a binary, a container or a package. */
export async function startServer(kind: ServerKind, options: StartOptions = {}): Promise<Server> {
  const present = await findBinary(kind.binaries);
  if (present !== undefined) return startSupervised(kind, present, 'binary', options);

  const contained = await startContainer(kind, options);
  if (contained !== undefined) return contained;

  await installPackage(kind.aptPackage);
  const installed = await findBinary(kind.binaries);
  if (installed !== undefined) return startSupervised(kind, installed, 'package', options);

  throw new ServerUnavailableError(
    `No ${kind.title} found: install ${kind.binaries.join(' or ')} so that it is on the PATH, start a container ` +
      `engine, or set ${kind.envVariable} to the address of a running one.`,
  );
}

/** The binary of such a server, installed where it is not there and can be. */
export async function findLocalBinary(kind: ServerKind): Promise<string | undefined> {
  const present = await findBinary(kind.binaries);
  if (present !== undefined) return present;
  await installPackage(kind.aptPackage);
  return findBinary(kind.binaries);
}

/** A server of one's own from a binary, for what a container has no settings for. */
export async function startLocalServer(kind: ServerKind, options: StartOptions): Promise<Server> {
  const binary = await findLocalBinary(kind);
  if (binary === undefined) throw new ServerUnavailableError(`No ${kind.binaries.join(' or ')} on the PATH.`);
  return startSupervised(kind, binary, 'binary', options);
}

/** The server that the environment names, or else one started here. */
export async function findServer(kind: ServerKind): Promise<Server> {
  const url = process.env[kind.envVariable];
  return url === undefined || url === '' ? startServer(kind) : foreignServer(kind, url);
}
