import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecencyMap, type RecencyNode } from '../src/memory/recency.ts';

class Node implements RecencyNode<Node> {
  movedAtPut = 0;
  older: Node | undefined = undefined;
  newer: Node | undefined = undefined;
  key = '';
  weight = 0;
}

/** What the map is meant to be, without links: every use noted with the number of puts seen. */
class Model {
  readonly weights = new Map<string, number>();
  readonly usedAtPut = new Map<string, number>();
  puts = 0;
}

const step = fc.record({
  kind: fc.constantFrom('put', 'get', 'get', 'get', 'delete', 'evict', 'clear'),
  key: fc.integer({ min: 0, max: 60 }).map(String),
  weight: fc.integer({ min: 0, max: 9 }),
});

function put(map: RecencyMap<Node>, key: string, node: Node, weight: number): void {
  map.put(key, node, weight, map.peek(key));
}

/** Every node reached from both ends, in opposite orders. */
function checkLinks(map: RecencyMap<Node>): void {
  const forward: string[] = [];
  let last: Node | undefined;
  for (let node = map.oldest; node !== undefined; node = node.newer) {
    expect(node.older).toBe(last);
    forward.push(node.key);
    last = node;
  }
  expect(new Set(forward)).toEqual(new Set(map.keys()));
  expect(forward.length).toBe(map.size);
}

test('whatever is done to it, links, weights and content agree, and nothing goes that was used later than a sixteenth ago', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const map = new RecencyMap<Node>();
      const model = new Model();
      for (const { kind, key, weight } of steps) {
        if (kind === 'put') {
          put(map, key, new Node(), weight);
          model.weights.set(key, weight);
          model.usedAtPut.set(key, ++model.puts);
        } else if (kind === 'get') {
          expect(map.get(key)?.key).toBe(model.weights.has(key) ? key : undefined);
          if (model.weights.has(key)) model.usedAtPut.set(key, model.puts);
        } else if (kind === 'delete') {
          expect(map.delete(key)).toBe(model.weights.delete(key));
          model.usedAtPut.delete(key);
        } else if (kind === 'evict' && map.oldest !== undefined) {
          const { key: oldest } = map.oldest;
          const patience = map.size >> 4;
          const leastRecent = Math.min(...model.usedAtPut.values());
          expect(model.usedAtPut.get(oldest)).toBeLessThanOrEqual(leastRecent + patience);
          map.delete(oldest);
          model.weights.delete(oldest);
          model.usedAtPut.delete(oldest);
        } else if (kind === 'clear') {
          map.clear();
          model.weights.clear();
          model.usedAtPut.clear();
        }
        expect(map.weight).toBe([...model.weights.values()].reduce((sum, next) => sum + next, 0));
        checkLinks(map);
      }
    }),
  );
});

test('fewer than sixteen are in exact order of use', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 14 }).map(String), { minLength: 1, maxLength: 100 }), (uses) => {
      const map = new RecencyMap<Node>();
      for (let i = 0; i < 15; i++) put(map, String(i), new Node(), 0);
      for (const key of uses) map.get(key);
      const order: string[] = [];
      for (let node = map.oldest; node !== undefined; node = node.newer) order.push(node.key);
      const lastUse = (key: string): number => uses.lastIndexOf(key);
      const unused = Array.from({ length: 15 }, (_, i) => String(i)).filter((key) => lastUse(key) === -1);
      const used = [...new Set(uses)].sort((a, b) => lastUse(a) - lastUse(b));
      expect(order).toEqual([...unused, ...used]);
    }),
  );
});

test('a node that is gone holds none of those that stay', () => {
  const map = new RecencyMap<Node>();
  const middle = new Node();
  put(map, 'a', new Node(), 0);
  put(map, 'b', middle, 0);
  put(map, 'c', new Node(), 0);
  map.delete('b');
  expect([middle.older, middle.newer]).toEqual([undefined, undefined]);
});

test('a hot node is not moved at every use', () => {
  const map = new RecencyMap<Node>();
  for (let i = 0; i < 320; i++) put(map, String(i), new Node(), 0);
  const hot = map.get('10');
  expect(hot?.movedAtPut).toBe(320);
  for (let i = 0; i < 19; i++) put(map, `new${i}`, new Node(), 0);
  map.get('10');
  expect(hot?.movedAtPut).toBe(320);
  put(map, 'new19', new Node(), 0);
  put(map, 'new20', new Node(), 0);
  map.get('10');
  expect(hot?.movedAtPut).toBe(341);
});
