import { describe, expect, test } from 'vitest';
import { openCache, openClient, uniqueName } from './support/caches.ts';
import { eventually } from './support/until.ts';

describe('a key that somebody made something else of', () => {
  test('reads as missing, and a load is answered', async () => {
    const name = uniqueName();
    const client = openClient();
    const cache = openCache({ name });
    await client.lpush(`${name}:k`, 'a list');

    expect(await cache.get('k')).toBeUndefined();
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
    expect(cache.health().state).toBe('coherent');
  });

  test('does not keep the other entries of its batch from being read', async () => {
    const name = uniqueName();
    const client = openClient();
    const [writer, reader] = [openCache({ name }), openCache({ name })];
    await client.lpush(`${name}:list`, 'a list');
    await writer.ready();
    await writer.set('good', 1);

    expect(await reader.getMany(['list', 'good'])).toEqual([undefined, 1]);
  });

  test('does not keep the other entries of its batch from being stored', async () => {
    const name = uniqueName();
    const client = openClient();
    const [writer, reader] = [openCache({ name }), openCache({ name })];
    await client.lpush(`${name}:list`, 'a list');
    await writer.ready();

    const [good, list] = await Promise.all([writer.set('good', 1), writer.set('list', 2)]);

    expect(good).toEqual({ stored: true, outdated: false, delivered: true });
    expect(list.delivered).toBe(true);
    expect(await reader.get('good')).toBe(1);
  });

  test('is an entry again after a delete', async () => {
    const name = uniqueName();
    const client = openClient();
    const [writer, reader] = [openCache({ name }), openCache({ name })];
    await client.lpush(`${name}:k`, 'a list');
    await writer.delete('k');
    expect(await writer.set('k', 'v')).toEqual({ stored: true, outdated: false, delivered: true });
    expect(await reader.get('k')).toBe('v');
  });
});

test.each(['meta', 'fence', 'log'])(
  'state %s of another type: the loader answers, nothing crashes, and all is well once it is gone',
  async (part) => {
    const name = uniqueName();
    const client = openClient();
    const options = { name, coherence: { lease: '1s' } } as const;
    const cache = openCache(options);
    await cache.ready();
    await client.multi().del(`${name}#${part}`).set(`${name}#${part}`, 'text').exec();

    let loads = 0;
    for (let i = 0; i < 5; i++) expect(await cache.getOrSet(`k${i}`, () => ++loads)).toBe(loads);
    expect(await cache.delete('k0')).toEqual({ delivered: false });
    await eventually(() => cache.health().state).not.toBe('coherent');

    await client.del(`${name}#${part}`);
    await eventually(() => cache.health()).toMatchObject({ state: 'coherent', journaled: 0 });
    expect(await cache.set('k', 'v')).toEqual({ stored: true, outdated: false, delivered: true });
    const other = openCache(options);
    await eventually(() => other.get('k')).toBe('v');
  },
);
