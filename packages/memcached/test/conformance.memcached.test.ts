import { inProcess } from 'tierwise';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Server, startMemcached } from '../../../scripts/servers/index.ts';
import { plainLayerConformance } from '../../testing/src/conformance/index.ts';
import { FaultProxy } from '../../testing/src/index.ts';
import { memcached } from '../src/index.ts';

let all: readonly Server[];

beforeAll(async () => {
  all = await Promise.all([0, 1, 2].map(() => startMemcached({ args: ['-I', '2m'] })));
});

afterAll(() => Promise.all(all.map((server) => server.stop())));

describe.each([
  ['one server', 1],
  ['several servers', 3],
])('Memcached beside an authority, %s', (_, count) => {
  const servers = (): string =>
    all
      .slice(0, count)
      .map(({ port }) => `127.0.0.1:${port}`)
      .join();
  const cases = plainLayerConformance({
    createLayer: () => memcached({ servers: servers(), maxItemBytes: 2 * 1024 * 1024 }),
    createAuthority: () => inProcess(),
    async createUnreachable(kind) {
      const proxies = await Promise.all(
        all.slice(0, count).map(({ host, port }) => FaultProxy.start({ target: { host, port } })),
      );
      for (const proxy of proxies) {
        if (kind === 'silent') proxy.silence();
        else proxy.cut('reset', 'refused');
      }
      return {
        layer: memcached({ servers: proxies.map(({ port }) => `127.0.0.1:${port}`).join(), commandTimeout: 500 }),
        recover() {
          for (const proxy of proxies) proxy.resume();
        },
        async dispose() {
          await Promise.all(proxies.map((proxy) => proxy.stop()));
        },
      };
    },
  });
  for (const { name, run } of cases) it(name, run);
});
