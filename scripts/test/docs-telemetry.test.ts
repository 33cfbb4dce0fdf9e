import { describe, expect, test } from 'vitest';
import {
  ATTRIBUTES,
  DURATIONS,
  FIGURES,
  OPERATION_SPANS,
  RESULTS,
  SPANS,
} from '../../packages/core/src/telemetry/names.ts';
import { readDocument, sectionOf, tableOf, tablesOf } from './markdown.ts';

const DOCUMENT = readDocument('docs/reference/telemetry.md');

const namesIn = (heading: string, column: string): string[] =>
  tableOf(DOCUMENT, heading).map((row) => row[column] ?? '');

describe('docs/reference/telemetry.md names all that is told and nothing else', () => {
  test.each<[heading: string, column: string, names: Readonly<Record<string, string>>]>([
    ['Spans of calls', 'span', OPERATION_SPANS],
    ['Spans below them', 'span', SPANS],
    ['Attributes', 'attribute', ATTRIBUTES],
    ['Metrics', 'metric', DURATIONS],
    ['Figures', 'metric', FIGURES],
  ])('%s', (heading, column, names) => {
    expect(namesIn(heading, column).toSorted()).toEqual(Object.values(names).toSorted());
  });

  test('Results', () => {
    const [results = []] = tablesOf(sectionOf(DOCUMENT, 'Results'));
    expect(results.map((row) => row['result'])).toEqual([...RESULTS]);
  });

  test('attributes in its tables are in the table of attributes', () => {
    const known = new Set<string>(Object.values(ATTRIBUTES));
    const tables = ['Spans of calls', 'Spans below them', 'Metrics', 'Figures'].flatMap((heading) =>
      tableOf(DOCUMENT, heading),
    );
    const used = tables.flatMap((row) =>
      [...(row['attributes'] ?? row['attributes beside the common ones'] ?? '').matchAll(/[a-z]+(?:\.[a-z]+)+/g)].map(
        ([name]) => name,
      ),
    );
    expect(used.length).toBeGreaterThan(30);
    const spans = new Set<string>(Object.values(SPANS));
    expect(used.filter((name) => !known.has(name) && !spans.has(name))).toEqual([]);
  });
});
