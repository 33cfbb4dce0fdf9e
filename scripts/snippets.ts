import { execFile } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Inside the repository, so that snippets import packages by name; not under `node_modules`, where Node runs no TypeScript. */
const WORK_DIR = join(ROOT, '.snippets');
const DOCUMENTS = ['README.md', 'docs/**/*.md', 'packages/*/README.md', 'examples/*/README.md'];
const REDIS_URL_IN_DOCS = 'redis://127.0.0.1:6379';
const RUN_TIMEOUT_MS = 20_000;

/** A TypeScript block of a document. */
export interface Snippet {
  /** `path:line` of the fence that opens the block. */
  readonly place: string;
  readonly code: string;
  /** Whether the block is run, or only type-checked. */
  readonly run: boolean;
}

const FENCE =
  /(?:^<!-- setup\n(?<setup>[\s\S]*?)^-->\n+)?^(?<indent> *)```ts(?<info>[^\n`]*)\n(?<code>[\s\S]*?)^\k<indent>```$/gm;
const KNOWN_INFO = new Set(['', 'no-run', 'fragment']);

/**
 * The blocks of a document that open with three backquotes and `ts`. Further words there: `no-run` for a block that is
 * only type-checked, `fragment` for one that is left out. A comment `<!-- setup … -->` right before a block holds code
 * that the block needs and the reader does not.
 */
export function extractSnippets(path: string, text: string): Snippet[] {
  const snippets: Snippet[] = [];
  for (const match of text.matchAll(FENCE)) {
    const { setup = '', indent = '', info = '', code = '' } = match.groups!;
    const kind = info.trim();
    const openedAt = match.index + match[0].indexOf('```ts');
    const place = `${path}:${text.slice(0, openedAt).split('\n').length}`;
    if (!KNOWN_INFO.has(kind)) throw new Error(`${place}: unknown words after the fence: "${kind}"`);
    if (kind === 'fragment') continue;
    const unindented = code.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
    // Without an import or export TypeScript would take the file for a script.
    snippets.push({ place, code: `${setup}${unindented}export {};\n`, run: kind === '' });
  }
  return snippets;
}

/** The snippets of all documents of the repository. */
export function collectSnippets(): Snippet[] {
  return globSync(DOCUMENTS, { cwd: ROOT, exclude: (name) => name.includes('node_modules') })
    .sort()
    .flatMap((path) => extractSnippets(path, readFileSync(join(ROOT, path), 'utf8')));
}

function fileNameOf({ place }: Snippet): string {
  return `${place.replaceAll(/[^A-Za-z0-9]+/g, '-').toLowerCase()}.ts`;
}

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

function runNode(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const options = { cwd: ROOT, timeout: RUN_TIMEOUT_MS, env: { ...process.env, ...env } };
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      const cause = error?.killed ? `did not end within ${RUN_TIMEOUT_MS} ms\n` : '';
      resolve({ ok: error === null, output: `${cause}${stdout}${stderr}`.trim() });
    });
  });
}

/** Type-checks the snippets together, with the settings of the workspace. Messages name the place in the document. */
export async function checkSnippets(snippets: readonly Snippet[]): Promise<Outcome> {
  if (snippets.length === 0) return { ok: true, output: '' };
  rmSync(WORK_DIR, { recursive: true, force: true });
  mkdirSync(WORK_DIR);
  for (const snippet of snippets) writeFileSync(join(WORK_DIR, fileNameOf(snippet)), snippet.code);
  const config = {
    extends: '../tsconfig.check.json',
    compilerOptions: { incremental: false },
    // The packages are taken from their sources, which rely on declarations that nothing imports.
    include: ['*.ts', '../packages/*/src/**/*.d.ts'],
  };
  writeFileSync(join(WORK_DIR, 'tsconfig.json'), JSON.stringify(config));
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const { ok, output } = await runNode([compiler, '--project', WORK_DIR, '--pretty', 'false']);
  const placed = snippets.reduce((text, each) => text.replaceAll(fileNameOf(each), `${each.place} line `), output);
  return { ok, output: placed };
}

/** Runs one snippet against a Redis of the caller's, in place of the address that documents write. */
export async function runSnippet(snippet: Snippet, redisUrl: string): Promise<Outcome> {
  mkdirSync(WORK_DIR, { recursive: true });
  const path = join(WORK_DIR, fileNameOf(snippet).replace(/\.ts$/, '.run.ts'));
  writeFileSync(path, snippet.code.replaceAll(REDIS_URL_IN_DOCS, redisUrl));
  const flags = ['--conditions=@tierwise/source', '--disable-warning=ExperimentalWarning'];
  return runNode([...flags, path], { REDIS_URL: redisUrl });
}
