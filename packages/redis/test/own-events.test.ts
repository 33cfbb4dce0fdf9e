import { decodeEvent, encodeEvent, type Invalidation, NOTHING } from 'tierwise/driver';
import { expect, test } from 'vitest';
import { OwnEvents } from '../src/own-events.ts';

function naming(...keys: string[]): Invalidation {
  return { ...NOTHING, keys };
}

test('an event that comes back is the one that was sent, and says what its text says', () => {
  const events = new OwnEvents();
  for (const sent of [
    naming('a', 'b'),
    { ...naming('a'), tags: ['t'], prefixes: ['p:'], patterns: ['*x'], clear: true },
  ]) {
    const text = events.encode(sent);
    expect(text).toBe(encodeEvent(sent));
    expect(events.decode(text).invalidation).toBe(sent);
    expect(events.decode(text)).toEqual(decodeEvent(text));
  }
});

test('an event without keys is read from its text', () => {
  const events = new OwnEvents();
  for (const sent of [NOTHING, { ...NOTHING, clear: true }, { ...NOTHING, tags: ['t'] }]) {
    const text = events.encode(sent);
    expect(events.decode(text)).toEqual(decodeEvent(text));
  }
});

test('events of others are read from their text', () => {
  const events = new OwnEvents();
  events.encode(naming('a'));
  for (const text of [encodeEvent(naming('b')), encodeEvent(naming('a', 'b')), '{"k":["a"],"later":1}', 'nonsense']) {
    expect(events.decode(text)).toEqual(decodeEvent(text));
  }
});

test('the last eight are remembered, and no long ones', () => {
  const events = new OwnEvents();
  const sent = Array.from({ length: 20 }, (_, index) => naming(`k${index}`));
  const texts = sent.map((each) => events.encode(each));
  const known = texts.map((text, index) => events.decode(text).invalidation === sent[index]);
  expect(known).toEqual(sent.map((_, index) => index >= 12));
  const long = naming('x'.repeat(20_000));
  expect(events.decode(events.encode(long)).invalidation).not.toBe(long);
  expect(events.decode(encodeEvent(long)).invalidation).toEqual(long);
});
