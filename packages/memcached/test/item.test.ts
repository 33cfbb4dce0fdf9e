import { describe, expect, it } from 'vitest';
import { decodeItem, encodeItem, maxValueBytes } from '../src/item.ts';
import { serverName } from '../src/names.ts';

const SHORT = serverName('shop', 'short');
const LONG = serverName('shop', 'x'.repeat(1_024));
const VALUE = Uint8Array.from({ length: 300 }, (_, i) => i & 0xff);

describe('items', () => {
  it('give back the value that was put in', () => {
    for (const name of [SHORT, LONG]) {
      for (const value of [VALUE, new Uint8Array(0)]) {
        expect(Buffer.from(decodeItem(name, encodeItem(name, value)) ?? []).equals(Buffer.from(value))).toBe(true);
      }
    }
  });

  it('are nothing to a name they were not stored under', () => {
    const other = { text: LONG.text, proof: `${LONG.proof?.slice(0, -1)}y` };
    expect(decodeItem(other, encodeItem(LONG, VALUE))).toBeUndefined();
    expect(decodeItem(SHORT, encodeItem(LONG, VALUE))).toBeUndefined();
    expect(decodeItem(LONG, encodeItem(SHORT, VALUE))).toBeUndefined();
  });

  it('are nothing in another format or cut short', () => {
    const item = encodeItem(LONG, VALUE);
    const newer = Buffer.from(item);
    newer[0] = 2;
    expect(decodeItem(LONG, newer)).toBeUndefined();
    for (const length of [0, 1, 2, 3, 40]) expect(decodeItem(LONG, item.subarray(0, length))).toBeUndefined();
  });

  it('fit under the limit with the longest name there is', () => {
    const longest = serverName(
      'n'.repeat(64),
      `${'e'.repeat(32)}:9007199254740991:\0${'n'.repeat(128)}:${'語'.repeat(1_024)}`,
    );
    const item = encodeItem(longest, new Uint8Array(maxValueBytes(1_048_576)));
    expect(item.length + longest.text.length + 64).toBeLessThanOrEqual(1_048_576);
  });
});
