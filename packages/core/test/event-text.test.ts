import { expect, test } from 'vitest';
import { decodeEvent, decodeMessage, EVERYTHING, encodeEvent, NOTHING, withOrigins } from '../src/wire/event.ts';

// Symptom: an event of a later version kept the names this one knows and lost the others.
test('an event with a member of a later version names everything', () => {
  const text = encodeEvent({ ...NOTHING, keys: ['k'] });
  expect(decodeEvent(text).invalidation.keys).toEqual(['k']);
  expect(decodeEvent(text.replace('}', ',"z":["x"]}')).invalidation).toEqual(EVERYTHING);
});

const EPOCH = '00112233445566778899aabbccddeeff';
const ORIGIN = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

test('a message carries trace contexts behind the event, which is read the same', () => {
  const event = encodeEvent({ ...NOTHING, keys: ['k'] });
  const plain = decodeMessage(`1 ${EPOCH} 7 ${event}`);
  expect(plain).not.toHaveProperty('origins');
  const told = decodeMessage(`1 ${EPOCH} 7 ${withOrigins(event, [ORIGIN, ORIGIN])}`);
  expect(told).toEqual({ ...plain, origins: [ORIGIN, ORIGIN] });
});

test('without trace contexts the text is that of the event', () => {
  expect(withOrigins('{}', [])).toBe('{}');
});

test('a key with a line feed does not end its event', () => {
  const names = { ...NOTHING, keys: [`k\n${ORIGIN}`] };
  const told = decodeMessage(`1 ${EPOCH} 7 ${withOrigins(encodeEvent(names), [ORIGIN])}`);
  expect(told).toMatchObject({ invalidation: names, origins: [ORIGIN] });
});

test('what is no trace context is passed over, and more than eight are not taken', () => {
  const text = (origins: string): string => `1 ${EPOCH} 7 ${encodeEvent({ ...NOTHING, keys: ['k'] })}\n${origins}`;
  expect(decodeMessage(text(`x,${ORIGIN}, `))?.origins).toEqual([ORIGIN]);
  expect(decodeMessage(text('nonsense'))).toMatchObject({ invalidation: { keys: ['k'] } });
  for (const invalid of [
    ORIGIN.replace(/-[0-9a-f]{32}-/, `-${'0'.repeat(32)}-`),
    ORIGIN.replace(/-[0-9a-f]{16}-/, `-${'0'.repeat(16)}-`),
    `ff${ORIGIN.slice(2)}`,
  ]) {
    expect(decodeMessage(text(`${invalid},${ORIGIN}`))?.origins).toEqual([ORIGIN]);
    expect(decodeMessage(text(invalid))).not.toHaveProperty('origins');
  }
  expect(decodeMessage(text(Array.from({ length: 20 }, () => ORIGIN).join(',')))?.origins).toHaveLength(8);
});
