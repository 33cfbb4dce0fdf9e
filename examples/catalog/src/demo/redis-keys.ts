import { Redis } from 'ioredis';

/** Removes everything a cache has left in a Redis that goes on living after the demo. */
export async function removeCacheKeys(url: string, cacheName: string): Promise<void> {
  const client = new Redis(url, { maxRetriesPerRequest: 1 });
  // What is wrong with the connection is told by the command that fails.
  client.on('error', () => {});
  try {
    for await (const keys of client.scanStream({ match: `${cacheName}[:#]*`, count: 1000 })) {
      if ((keys as string[]).length > 0) await client.unlink(...(keys as string[]));
    }
  } finally {
    client.disconnect();
  }
}
