import { expect, test } from 'vitest';
import { ERROR_CODES } from '../../packages/core/src/errors.ts';
import { headingsOf, listFiles, readDocument } from './markdown.ts';

test('docs/reference/errors.md has one section for each code, and none for anything else', () => {
  const codes = headingsOf(readDocument('docs/reference/errors.md'))
    .filter(({ level }) => level === 3)
    .map(({ text }) => text.replaceAll('`', ''));
  expect(codes.sort()).toEqual([...ERROR_CODES].sort());
});

test('no document names a code that does not exist', () => {
  const known = new Set<string>(ERROR_CODES);
  const strange = listFiles()
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) =>
      [
        ...readDocument(path).matchAll(
          /`((?:INVALID|REMOTE|UNSERIALIZABLE|UNDEFINED|VALUE|LOAD|NOT|CACHE|FENCE|CONFIG|UNSUPPORTED)_[A-Z_]+)`/g,
        ),
      ]
        .map(([, code = '']) => code)
        .filter((code) => !known.has(code) && !['CACHE_NAME'].includes(code))
        .map((code) => `${path}: ${code}`),
    );
  expect(strange).toEqual([]);
});
