import { expect, test } from 'vitest';
import { MUTATIONS } from '../mutants/mutations.ts';
import { listFiles, readDocument, tableOf } from './markdown.ts';

const DOCUMENT = readDocument('docs/internals/protocol.md');
const FILES = new Set(listFiles());

test('every script is in docs/internals/protocol.md, and nothing else', () => {
  const scripts = [...FILES]
    .map((path) => /^packages\/redis\/src\/lua\/([\w-]+)\.lua$/.exec(path)?.[1])
    .filter((name) => name !== undefined);
  expect(
    tableOf(DOCUMENT, 'Scripts')
      .map(({ script }) => script ?? '')
      .sort(),
  ).toEqual(scripts.sort());
});

test('each of the fifteen schedules is a test', () => {
  const schedules = tableOf(DOCUMENT, 'Schedules');
  expect(schedules.map(({ schedule }) => schedule)).toEqual(Array.from({ length: 15 }, (_, index) => `${index + 1}`));
  for (const { schedule, file = '', test: name = '' } of schedules) {
    expect(name).toMatch(new RegExp(`^${schedule}: `));
    const calls = [`describe('${name}`, `test('${name}`];
    expect(
      calls.some((call) => readDocument(file).includes(call)),
      `${file} has no ${name}`,
    ).toBe(true);
  }
});

test('the schedule of the moved slot is a test on a real cluster', () => {
  const [, name = ''] = /`(14: [^`]+)` in\n\[cluster-faults\]/.exec(DOCUMENT) ?? [];
  expect(readDocument('packages/redis/test/cluster-faults.redis.test.ts')).toContain(`test('${name}'`);
});

test('each rule names a file that a mutation takes a rule out of, and a schedule that exists', () => {
  const patches = MUTATIONS.flatMap((mutation) => mutation.patches);
  const rules = tableOf(DOCUMENT, 'Rules');
  expect(rules.length).toBeGreaterThan(25);
  for (const { where = '', 'without it': without = '' } of rules) {
    expect(FILES.has(where), where).toBe(true);
    // A script is mutated in what is generated from it.
    const file = where.replace(/lua\/.+\.lua$/, 'lua/scripts.generated.ts');
    const text = readDocument(where);
    expect(
      patches.some((patch) => `packages/${patch.file}` === file && text.includes(patch.find)),
      `a mutation of ${where}`,
    ).toBe(true);
    const [numbers = ''] = /^[\d, ]*/.exec(without) ?? [];
    for (const number of numbers.split(',').filter((each) => each.trim() !== '')) {
      expect(Number(number)).toBeLessThanOrEqual(15);
    }
  }
});

test('each limit is the number in the source', () => {
  for (const { limit = '', constant = '' } of tableOf(DOCUMENT, 'Limits')) {
    const [file = '', name = ''] = constant.split('#');
    const product = new RegExp(`\\b${name}(?:: number)? = ([\\d_ *]+);`).exec(readDocument(file))?.[1] ?? '';
    const value = product.split('*').reduce((sum, factor) => sum * Number(factor.replaceAll('_', '')), 1);
    expect(value.toLocaleString('en'), `${name} in ${file}`).toBe(limit);
  }
});
