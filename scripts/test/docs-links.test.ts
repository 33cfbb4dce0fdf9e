import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { headingsOf, listFiles, readDocument, withoutCode } from './markdown.ts';

const FILES = new Set(listFiles());
const FOLDERS = new Set([...FILES].flatMap((path) => parentsOf(path)));
const DOCUMENTS = [...FILES].filter((path) => path.endsWith('.md'));

function parentsOf(path: string): string[] {
  const parent = posix.dirname(path);
  return parent === '.' ? [] : [parent, ...parentsOf(parent)];
}

/** Where a link leads, as seen from a document, or what is wrong with it. */
function faultOf(from: string, link: string): string | undefined {
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? from : posix.normalize(posix.join(posix.dirname(from), decodeURI(file)));
  const path = target.replace(/\/$/, '');
  if (!FILES.has(path) && !FOLDERS.has(path)) return 'leads nowhere';
  if (anchor === undefined) return undefined;
  const hasAnchor = path.endsWith('.md') && headingsOf(readDocument(path)).some((each) => each.anchor === anchor);
  return hasAnchor ? undefined : 'has no such heading';
}

test.each(DOCUMENTS)('every relative link in %s leads somewhere', (path) => {
  const links = [...withoutCode(readDocument(path)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  const faults = links
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => ({ link, fault: faultOf(path, link) }))
    .filter(({ fault }) => fault !== undefined);
  expect(faults).toEqual([]);
});

test('docs/README.md leads to every document', () => {
  const index = readDocument('docs/README.md');
  const missing = DOCUMENTS.filter((path) => path.startsWith('docs/') && path !== 'docs/README.md').filter(
    (path) => !index.includes(`(${path.slice('docs/'.length)})`),
  );
  expect(missing).toEqual([]);
});

test('decisions are numbered without holes, and begin with their number', () => {
  const decisions = DOCUMENTS.filter((path) => path.startsWith('docs/adr/')).sort();
  const numbers = decisions.map((path) => posix.basename(path).slice(0, 4));
  expect(numbers).toEqual(decisions.map((_, index) => String(index + 1).padStart(4, '0')));
  for (const [index, path] of decisions.entries()) {
    expect(readDocument(path).startsWith(`# ${numbers[index]} `), path).toBe(true);
  }
});

test('architecture.md has a row for every room of the engine', () => {
  const rooms = [...FOLDERS].filter((path) => /^packages\/[^/]+\/src(\/[^/]+)?$/.test(path));
  const text = readDocument('docs/internals/architecture.md');
  expect(rooms.filter((room) => !text.includes(`| \`${room}\` |`))).toEqual([]);
});
