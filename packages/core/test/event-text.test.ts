import { expect, test } from 'vitest';
import { decodeEvent, EVERYTHING, encodeEvent, NOTHING } from '../src/wire/event.ts';

// Symptom: an event of a later version kept the names this one knows and lost the others.
test('an event with a member of a later version names everything', () => {
  const text = encodeEvent({ ...NOTHING, keys: ['k'] });
  expect(decodeEvent(text).invalidation.keys).toEqual(['k']);
  expect(decodeEvent(text.replace('}', ',"z":["x"]}')).invalidation).toEqual(EVERYTHING);
});
