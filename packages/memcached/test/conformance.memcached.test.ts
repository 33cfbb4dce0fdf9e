import { inProcess } from 'tierwise';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Server, startMemcached } from '../../../scripts/servers/index.ts';
import { plainLayerConformance } from '../../testing/src/conformance/index.ts';
import { memcached } from '../src/index.ts';

let server: Server;

beforeAll(async () => {
  server = await startMemcached({ args: ['-I', '2m'] });
});

afterAll(() => server.stop());

describe('Memcached beside an authority', () => {
  const cases = plainLayerConformance({
    createLayer: () => memcached({ servers: `127.0.0.1:${server.port}`, maxItemBytes: 2 * 1024 * 1024 }),
    createAuthority: () => inProcess(),
  });
  for (const { name, run } of cases) it(name, run);
});
