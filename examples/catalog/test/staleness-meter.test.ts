import { describe, expect, it } from 'vitest';
import { StalenessMeter } from '../src/demo/staleness-meter.ts';

describe('StalenessMeter', () => {
  const meter = new StalenessMeter();
  meter.acknowledge({ 'product:1': 2, 'category:3:contents': 2 }, 1000);
  meter.acknowledge({ 'product:1': 3, 'category:3:contents': 3 }, 1500);

  it('counts from the first change that an answer misses to the begin of its request', () => {
    expect(meter.ageMs({ 'product:1': 1 }, 1600)).toBe(600);
    expect(meter.ageMs({ 'product:1': 2 }, 1600)).toBe(100);
  });

  it('takes the oldest part of an answer', () => {
    expect(meter.ageMs({ 'product:1': 3, 'category:3:contents': 1, 'product:8': 1 }, 1600)).toBe(600);
  });

  it('calls an answer fresh that shows all that was acknowledged before its request began', () => {
    expect(meter.ageMs({ 'product:1': 3, 'category:3:contents': 3 }, 1600)).toBeUndefined();
    expect(meter.ageMs({ 'product:1': 1 }, 1000)).toBeUndefined();
    expect(meter.ageMs({ 'product:1': 2 }, 1400)).toBeUndefined();
    expect(meter.ageMs({ 'product:1': 4 }, 1600)).toBeUndefined();
    expect(meter.ageMs({}, 1600)).toBeUndefined();
  });
});
