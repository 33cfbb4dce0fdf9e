import { monotonicMs, sleep } from '../clock.ts';
import { FaultProxy } from '../proxy/fault-proxy.ts';
import type { LaunchedServer, Launcher } from './launcher.ts';
import { MemcachedAdmin } from './memcached-admin.ts';

/** Memory for so few entries that a longer run evicts some. */
const ARGS = ['-m', '2'];
/** Refuses what does not fit, where others evict. */
const REFUSING_ARGS = [...ARGS, '-M'];
/** Between two helpings for a server that is to be full and stay so. */
const FILL_PAUSE_MS = 10;
/** Helpings within which a server of that size is full, several times over. */
const MAX_HELPINGS = 500;

/** The Memcached of a run that keeps its entries there, and one proxy in front of it for each instance. */
export class MemcachedSide {
  readonly proxies: readonly FaultProxy[];
  readonly #server: LaunchedServer;
  readonly #launch: Launcher;
  #refusing: LaunchedServer | undefined;

  private constructor(server: LaunchedServer, proxies: readonly FaultProxy[], launch: Launcher) {
    this.#server = server;
    this.proxies = proxies;
    this.#launch = launch;
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
    return new MemcachedSide(server, proxies, launch);
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
    return MemcachedAdmin.use(this.#server, (admin) => admin.forget());
  }

  /**
   * Fills the server beyond its memory for a while, so that entries of the cache have to go.
   *
   * @returns how many went
   * @throws Error when none did
   */
  async crowd(fullMs: number): Promise<number> {
    return MemcachedAdmin.use(this.#server, async (admin) => {
      const before = await admin.evicted();
      const untilMs = monotonicMs() + fullMs;
      let evicted = 0;
      for (let i = 0; i < MAX_HELPINGS && (evicted === 0 || monotonicMs() < untilMs); i++) {
        await admin.fill();
        evicted = (await admin.evicted()) - before;
        await sleep(FILL_PAUSE_MS);
      }
      if (evicted === 0) throw new Error('no entry of the cache was evicted');
      return evicted;
    });
  }

  /**
   * Puts a server in the place of this one for a while that is full and refuses what it has no room for.
   *
   * @returns how many entries of the cache it refused
   * @throws Error when there were none
   */
  async refuse(fullMs: number): Promise<number> {
    this.#refusing ??= await this.#launch({ args: REFUSING_ARGS });
    const refusing = this.#refusing;
    return MemcachedAdmin.use(refusing, async (admin) => {
      for (let i = 0; ; i++) {
        if ((await admin.fill()).stored === 0) break;
        if (i === MAX_HELPINGS) throw new Error('Memcached did not get full');
      }
      const before = await admin.refused();
      this.#moveTo(refusing);
      try {
        await sleep(fullMs);
      } finally {
        this.#moveTo(this.#server);
      }
      const refused = (await admin.refused()) - before;
      if (refused === 0) throw new Error('no entry of the cache was refused');
      return refused;
    });
  }

  #moveTo(server: LaunchedServer): void {
    for (const proxy of this.proxies) {
      proxy.retarget(server);
      proxy.cut('reset', 'pass');
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.proxies.map((proxy) => proxy.stop()));
    await Promise.all([this.#server.stop(), this.#refusing?.stop()]);
  }
}
