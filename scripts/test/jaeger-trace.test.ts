import { describe, expect, test } from 'vitest';
import { readTrace } from '../pictures/jaeger-trace.ts';

type Reference = readonly [refType: string, spanID: string];

function span(spanID: string, startTime: number, references: readonly Reference[]) {
  return {
    spanID,
    operationName: `work ${spanID}`,
    startTime,
    duration: 5,
    processID: 'p1',
    tags: [{ key: 'cache.layer', value: 'l1' }],
    references: references.map(([refType, id]) => ({ refType, traceID: 't', spanID: id })),
  };
}

function answer(spans: readonly ReturnType<typeof span>[]): unknown {
  const p1 = { serviceName: 'catalog', tags: [{ key: 'service.instance.id', value: 'a' }] };
  return { data: [{ traceID: 't', processes: { p1 }, spans }] };
}

describe('readTrace', () => {
  test('puts spans into the order of their tree, whatever order they come in', () => {
    const spans = [
      span('late', 30, [['CHILD_OF', 'root']]),
      span('below', 12, [['CHILD_OF', 'early']]),
      span('early', 10, [
        ['CHILD_OF', 'root'],
        ['FOLLOWS_FROM', 'elsewhere'],
      ]),
      span('root', 0, []),
    ];
    const trace = readTrace(answer(spans));
    expect(trace.spans.map(({ id, depth, place }) => [id, depth, place])).toEqual([
      ['root', 0, 'catalog a'],
      ['early', 1, 'catalog a'],
      ['below', 2, 'catalog a'],
      ['late', 1, 'catalog a'],
    ]);
    expect(trace.spans[1]).toMatchObject({ links: ['elsewhere'], tags: { 'cache.layer': 'l1' } });
  });

  test('refuses a trace that is not whole', () => {
    expect(() => readTrace(answer([span('root', 0, []), span('lost', 1, [['CHILD_OF', 'gone']])]))).toThrow(
      '1 spans without a parent',
    );
    expect(() => readTrace({ data: [] })).toThrow('Jaeger knows no such trace');
  });
});
