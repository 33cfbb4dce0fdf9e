import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The text of a document, by its path from the root of the repository. */
export function readDocument(path: string): string {
  return readFileSync(ROOT + path, 'utf8');
}

/** Files of the repository that are committed or would be, as paths from its root. */
export function listFiles(): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const output = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return output.split('\0').filter((path) => path !== '' && existsSync(ROOT + path));
}

/** The text without fenced blocks of code. */
export function withoutCode(text: string): string {
  return text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
}

export interface Heading {
  readonly level: number;
  /** As written, backquotes included. */
  readonly text: string;
  /** The part after `#` in a link, as GitHub makes it. */
  readonly anchor: string;
}

/** The headings of a document in their order. */
export function headingsOf(text: string): Heading[] {
  const seen = new Map<string, number>();
  return [...withoutCode(text).matchAll(/^(#{1,6}) (.+)$/gm)].map(([, marks = '', title = '']) => {
    const slug = title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return { level: marks.length, text: title, anchor: before === 0 ? slug : `${slug}-${before}` };
  });
}

/** What stands between a heading and the next one of any level. */
export function sectionOf(text: string, heading: string): string {
  const start = text.search(new RegExp(`^#{1,6} ${heading}$`, 'm'));
  if (start === -1) throw new Error(`there is no section "${heading}"`);
  const body = text.slice(text.indexOf('\n', start));
  const end = body.search(/^#{1,6} /m);
  return end === -1 ? body : body.slice(0, end);
}

export type Row = Readonly<Record<string, string>>;

/** The tables of a text, each row by the names of its columns; cells without the backquotes around them. */
export function tablesOf(text: string): Row[][] {
  return [...text.matchAll(/(?:^\|.*\|$\n?)+/gm)].map(([table]) => {
    const [head = [], , ...rows] = table.trim().split('\n').map(cellsOf);
    return rows.map((cells) => Object.fromEntries(head.map((name, index) => [name, cells[index] ?? ''])));
  });
}

/** The one table of a section. */
export function tableOf(text: string, heading: string): Row[] {
  const [table, ...more] = tablesOf(sectionOf(text, heading));
  if (table === undefined || more.length > 0) throw new Error(`"${heading}" should have one table`);
  return table;
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1'));
}
