import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Mutation } from './mutation.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = ['packages', 'scripts', 'package.json', 'vitest.config.ts', 'tsconfig.base.json'];

/** A copy of the workspace that may be broken at will; modules from outside come from the real one. */
export class Workbench {
  readonly dir = mkdtempSync(join(tmpdir(), 'tierwise-mutant-'));

  constructor() {
    for (const name of COPIED) {
      cpSync(join(ROOT, name), join(this.dir, name), {
        recursive: true,
        filter: (path) => !/[/\\](node_modules|dist|coverage)([/\\]|$)/.test(path.slice(ROOT.length)),
      });
    }
    this.#linkModules();
  }

  /** Takes the mechanism out; the result puts it back. */
  mutate({ patches }: Mutation): () => void {
    const originals = new Map<string, string>();
    const texts = new Map<string, string>();
    for (const { file, find, put, isEverywhere = false } of patches) {
      const path = join(this.dir, 'packages', file);
      const text = texts.get(path) ?? readFileSync(path, 'utf8');
      if (!originals.has(path)) originals.set(path, text);
      const parts = text.split(find);
      if (parts.length < 2 || (parts.length > 2 && !isEverywhere))
        throw new Error(`NO LONGER FITS: ${file} has ${parts.length - 1} of: ${find.trim()}`);
      texts.set(path, parts.join(put));
    }
    for (const [path, text] of texts) writeFileSync(path, text);
    return () => {
      for (const [path, text] of originals) writeFileSync(path, text);
    };
  }

  /** Runs Node in the copy; answers its exit code and all it printed. */
  run(args: readonly string[], timeoutMs: number): { code: number; output: string } {
    try {
      const output = execFileSync(process.execPath, ['--conditions=@tierwise/source', ...args], {
        cwd: this.dir,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: timeoutMs,
        maxBuffer: 64 * 1024 * 1024,
      });
      return { code: 0, output };
    } catch (error) {
      const { status, stdout = '', stderr = '' } = error as { status: number | null; stdout?: string; stderr?: string };
      return { code: status ?? -1, output: `${stdout}${stderr}` };
    }
  }

  has(name: string): boolean {
    return existsSync(join(this.dir, name));
  }

  drop(name: string): void {
    rmSync(join(this.dir, name), { force: true });
  }

  read(name: string): string {
    return readFileSync(join(this.dir, name), 'utf8');
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Everything from the real `node_modules` but the packages of the workspace, which are the copied ones. */
  #linkModules(): void {
    const modules = join(ROOT, 'node_modules');
    const own = join(this.dir, 'node_modules');
    mkdirSync(join(own, '@tierwise'), { recursive: true });
    for (const name of readdirSync(modules)) {
      if (name !== 'tierwise' && name !== '@tierwise') symlinkSync(join(modules, name), join(own, name));
    }
    for (const name of readdirSync(join(this.dir, 'packages'))) {
      const link = name === 'core' ? 'tierwise' : join('@tierwise', name);
      symlinkSync(join(this.dir, 'packages', name), join(own, link));
    }
  }
}
