import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { type Server, startRedis } from '../../../scripts/servers/index.ts';
import { keySlot } from '../src/key-slot.ts';
import { openClient } from './support/caches.ts';

let server: Server;

beforeAll(async () => {
  server = await startRedis({ args: ['--cluster-enabled', 'yes'] });
  return () => server.stop();
});

test('a key has the slot that the server gives it, whatever its hash tags look like', async () => {
  const client = openClient(server.url);
  const key = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: fc.constantFrom('{', '}', 'a', 'b') }));
  await fc.assert(
    fc.asyncProperty(key, async (text) => {
      expect(keySlot(text)).toBe(Number(await client.cluster('KEYSLOT', text)));
    }),
    { numRuns: 500 },
  );
});
