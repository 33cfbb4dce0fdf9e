import { describe, expect, it } from 'vitest';
import { Ring } from '../src/ring.ts';

const NAMES = Array.from({ length: 6_000 }, (_, i) => `tw:shop:${'e'.repeat(32)}:7:user:${i}`);
const ringOf = (...servers: string[]): Ring<string> => new Ring(servers, (server) => server);

describe('the ring of servers', () => {
  it('gives every server its share', () => {
    const ring = ringOf('a:1', 'b:1', 'c:1');
    for (const server of ['a:1', 'b:1', 'c:1']) {
      const share = NAMES.filter((name) => ring.serverOf(name) === server).length / NAMES.length;
      expect(share).toBeGreaterThan(0.3);
      expect(share).toBeLessThan(0.37);
    }
  });

  it('chooses alike whatever the order of the list', () => {
    const [one, other] = [ringOf('a:1', 'b:1', 'c:1'), ringOf('c:1', 'a:1', 'b:1')];
    expect(NAMES.every((name) => one.serverOf(name) === other.serverOf(name))).toBe(true);
  });

  it('moves only the names of a server that is taken away', () => {
    const [before, after] = [ringOf('a:1', 'b:1', 'c:1'), ringOf('a:1', 'b:1')];
    const moved = NAMES.filter((name) => before.serverOf(name) !== after.serverOf(name));
    expect(moved.length).toBeGreaterThan(0);
    expect(moved.every((name) => before.serverOf(name) === 'c:1')).toBe(true);
  });
});
