import { inProcess } from 'tierwise';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Server, startMemcached } from '../../../scripts/servers/index.ts';
import { plainLayerConformance } from '../../testing/src/conformance/index.ts';
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
  });
  for (const { name, run } of cases) it(name, run);
});
