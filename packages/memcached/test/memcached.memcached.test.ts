import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { item, type Opened, open, readTexts, writeCodes } from './support/plain-store.ts';

const { host: servers } = new URL(inject('memcachedUrl'));

let opened: Opened;
/** Keeps the names of one test apart from all others. */
let stem: string;

beforeEach(() => {
  opened = open({ servers });
  stem = randomUUID();
});

afterEach(() => opened[Symbol.asyncDispose]());

describe('the Memcached store', () => {
  it('answers each name for itself, in the order asked', async () => {
    const [a, b, c] = [`${stem}:a`, `${stem}:b`, `${stem}:c`];
    expect(await writeCodes(opened.store, [item(a, '1'), item(c, '3')])).toEqual([undefined, undefined]);
    expect(await readTexts(opened.store, [c, b, a])).toEqual(['3', undefined, '1']);
  });

  it('replaces what is stored under a name', async () => {
    await opened.store.write([item(stem, 'first')]);
    await opened.store.write([item(stem, 'second')]);
    expect(await readTexts(opened.store, [stem])).toEqual(['second']);
  });

  it('keeps names apart that hold anything, at any length', async () => {
    const odd = [
      'a b',
      'a\tb',
      'two\r\nlines',
      '\0t/7:k',
      'ümlaut 語',
      '🎈',
      '100%',
      'y'.repeat(1_024),
      `${'y'.repeat(1_023)}z`,
    ];
    const names = odd.map((name) => `${stem}:${name}`);
    await opened.store.write(names.map((name, i) => item(name, `value ${i}`)));
    expect(await readTexts(opened.store, names)).toEqual(names.map((_, i) => `value ${i}`));
  });

  it('keeps every byte, of a value of none and of one as large as it says', async () => {
    const { maxValueBytes } = opened.store.limits;
    const all = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i));
    const largest = Buffer.alloc(maxValueBytes, all);
    const writes = [item(`${stem}:0`, ''), item(`${stem}:256`, all), item(`${stem}:max`, largest)];
    expect(await writeCodes(opened.store, writes)).toEqual([undefined, undefined, undefined]);
    const [none, some, most] = await opened.store.read(writes.map(({ name }) => name));
    expect(Buffer.from(none as Uint8Array).length).toBe(0);
    expect(Buffer.from(some as Uint8Array).equals(all)).toBe(true);
    expect(Buffer.from(most as Uint8Array).equals(largest)).toBe(true);
  });

  it('tells of a value the server refuses, and goes on over the same connection', async () => {
    const tooLarge = item(`${stem}:large`, Buffer.alloc(3 * 1024 * 1024));
    expect(await writeCodes(opened.store, [tooLarge, item(`${stem}:small`, 'x')])).toEqual([
      'REMOTE_REJECTED',
      undefined,
    ]);
    expect(await readTexts(opened.store, [`${stem}:small`])).toEqual(['x']);
    expect(opened.faults).toEqual([]);
  });

  it('takes batches as large as it says', async () => {
    const names = Array.from({ length: opened.store.limits.maxBatch }, (_, i) => `${stem}:${i}`);
    await opened.store.write(names.map((name) => item(name, name)));
    expect(await readTexts(opened.store, names)).toEqual(names);
  });

  it('keeps an entry for its lifetime, at the edge of a second too, and lets it go soon after', async () => {
    await opened.store.write([item(`${stem}:days`, 'x', 40 * 24 * 3_600_000), item(`${stem}:ever`, 'x', 0)]);
    const names = [`${stem}:edge`, `${stem}:days`, `${stem}:ever`];
    let texts: unknown;
    let beganMs: number;
    do {
      beganMs = performance.now();
      await opened.store.write([item(`${stem}:edge`, 'x', 1_000)]);
      texts = await readTexts(opened.store, names);
      // A machine that stood still for longer than it lives has asked too late.
    } while (performance.now() - beganMs >= 1_000);
    expect(texts).toEqual(['x', 'x', 'x']);
    await expect.poll(() => readTexts(opened.store, [`${stem}:edge`])).toEqual([undefined]);
    expect(await readTexts(opened.store, [`${stem}:days`, `${stem}:ever`])).toEqual(['x', 'x']);
  });

  it('stores what a person can find by its name', async () => {
    await opened.store.write([item(`${stem}:user 7`, 'value')]);
    const raw = await ask(`get tw:test:${stem}:user%207\r\n`);
    expect(raw).toContain('value');
  });

  it('answers a name by nothing where somebody stored something else under it', async () => {
    await ask(`set tw:test:${stem} 0 60 7\r\nforeign\r\n`);
    expect(await readTexts(opened.store, [stem])).toEqual([undefined]);
  });
});

/** One command of the text protocol, over a connection of its own. */
function ask(command: string): Promise<string> {
  const { hostname, port } = new URL(inject('memcachedUrl'));
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(command));
    socket.setEncoding('utf8');
    socket.on('error', reject);
    socket.on('data', (chunk: string) => {
      answer += chunk;
      if (!/(END|STORED)\r\n$/.test(answer)) return;
      socket.destroy();
      resolve(answer);
    });
  });
}
