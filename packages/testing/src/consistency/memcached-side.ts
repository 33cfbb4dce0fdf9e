import { connect } from 'node:net';
import { sleep } from '../clock.ts';
import { FaultProxy } from '../proxy/fault-proxy.ts';
import type { LaunchedServer, Launcher } from './launcher.ts';

/** Memory for so few entries that a longer run evicts some. */
const ARGS = ['-m', '2'];

/** The Memcached of a run that keeps its entries there, and one proxy in front of it for each instance. */
export class MemcachedSide {
  readonly proxies: readonly FaultProxy[];
  readonly #server: LaunchedServer;

  private constructor(server: LaunchedServer, proxies: readonly FaultProxy[]) {
    this.#server = server;
    this.proxies = proxies;
  }

  static async open(options: {
    readonly launch: Launcher;
    readonly instances: number;
    readonly seed: number;
  }): Promise<MemcachedSide> {
    const { launch, instances, seed } = options;
    const server = await launch({ args: ARGS });
    const proxies = await Promise.all(
      Array.from({ length: instances }, (_, index) => FaultProxy.start({ target: server, seed: seed + index })),
    );
    return new MemcachedSide(server, proxies);
  }

  /** The address for instance `index`, through its proxy. */
  serversOf(index: number): string {
    const { host, port } = this.proxies[index] as FaultProxy;
    return `${host}:${port}`;
  }

  /** Kills the server and starts it again after `downMs`, empty. */
  async restart(downMs: number): Promise<void> {
    await this.#server.kill();
    await sleep(downMs);
    await this.#server.restart();
  }

  /** Holds back what goes to it and what it answers. */
  async stall(stallMs: number): Promise<void> {
    for (const proxy of this.proxies) proxy.hold();
    await sleep(stallMs);
    for (const proxy of this.proxies) proxy.resume();
  }

  /** Makes it forget everything. */
  forget(): Promise<void> {
    const { host, port } = this.#server;
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port }, () => socket.write('flush_all\r\n'));
      socket.once('error', reject).once('data', () => {
        socket.destroy();
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.proxies.map((proxy) => proxy.stop()));
    await this.#server.stop();
  }
}
