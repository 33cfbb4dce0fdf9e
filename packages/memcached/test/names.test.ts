import { describe, expect, it } from 'vitest';
import { serverName } from '../src/names.ts';

const ALLOWED = /^[\x21-\x7e]{1,250}$/;

describe('names on a server', () => {
  it('are readable where they can be', () => {
    expect(serverName('shop', 'e:7:user:7')).toEqual({ text: 'tw:shop:e:7:user:7', proof: undefined });
  });

  it('hold nothing that a server refuses, whatever the key holds', () => {
    const odd = [
      'a b',
      'tab\t',
      'two\r\nlines',
      '\0tenant/7:k',
      '€ 語',
      '🎈',
      '100%',
      'x'.repeat(1_024),
      '語'.repeat(1_024),
    ];
    for (const key of odd) expect(serverName('shop', key).text).toMatch(ALLOWED);
  });

  it('never meet', () => {
    const alike = ['a b', 'a%20b', 'a%2520b', 'a+b', 'a\u00a0b', 'a', 'A', '#a', 'x'.repeat(251), 'x'.repeat(252)];
    const hashed = serverName('shop', 'x'.repeat(300)).text;
    const texts = [...alike, hashed].map((key) => serverName('shop', key).text);
    expect(new Set(texts).size).toBe(texts.length);
    expect(serverName('a', 'b:c').text).not.toBe(serverName('a:b', 'c').proof);
  });

  it('are hashed past 250 bytes, and then carry the whole name as proof', () => {
    const longest = 'x'.repeat(250 - 'tw:shop:'.length);
    expect(serverName('shop', longest)).toEqual({ text: `tw:shop:${longest}`, proof: undefined });
    const { text, proof } = serverName('shop', `${longest}x`);
    expect(text).toMatch(/^tw#[\w-]{43}$/);
    expect(proof).toBe(`tw:shop:${longest}x`);
  });
});
