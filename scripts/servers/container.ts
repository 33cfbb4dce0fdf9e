import { ServerUnavailableError } from './errors.ts';
import type { Server, ServerKind, StartOptions } from './server.ts';

const SIGNALS_THAT_DO_NOT_END = new Set<NodeJS.Signals>(['SIGSTOP', 'SIGCONT', 'SIGTSTP']);

/**
 * Starts a server in a container. Resolves to `undefined` when there is no container engine: a client program on
 * the PATH proves nothing, so the engine itself is asked. The library is imported here only, because it is heavy
 * and refuses to load on older versions of Node.
 */
export async function startContainer(kind: ServerKind, options: StartOptions): Promise<Server | undefined> {
  const library = await import('testcontainers').catch(() => undefined);
  const client = await library?.getContainerRuntimeClient().catch(() => undefined);
  if (library === undefined || client === undefined) return undefined;

  const exposed = options.port === undefined ? kind.imagePort : { container: kind.imagePort, host: options.port };
  const started = await new library.GenericContainer(kind.image)
    .withExposedPorts(exposed)
    .withCommand(kind.containerCommand(options.args ?? []))
    .start()
    .catch((error: unknown) => {
      throw new ServerUnavailableError(`${kind.title} could not be started from the image ${kind.image}: ${error}`);
    });
  const host = started.getHost();
  const port = started.getMappedPort(kind.imagePort);
  const container = client.container.getById(started.getId());
  let stopped = false;
  const server: Server = {
    url: `${kind.urlScheme}://${host}:${port}`,
    host,
    port,
    origin: 'container',
    dir: undefined,
    pid: undefined,
    async kill(signal = 'SIGKILL') {
      await container.kill({ signal });
      if (!SIGNALS_THAT_DO_NOT_END.has(signal)) await container.wait();
    },
    async restart() {
      await started.restart({ timeout: 0 });
      if (started.getMappedPort(kind.imagePort) !== port) {
        throw new Error('The container engine gave another port at restart: pass a fixed one');
      }
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      await started.stop({ timeout: 0 });
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
  return server;
}
