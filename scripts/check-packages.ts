/**
 * Tries each published package the way a stranger gets it: linted by publint and arethetypeswrong, packed, installed
 * from the tarball into a project outside this repository, imported by Node and by a TypeScript file.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIN = join(ROOT, 'node_modules', '.bin');

interface Package {
  readonly dir: string;
  readonly name: string;
  /** What a user may import, such as `tierwise/driver`. */
  readonly entryPoints: readonly string[];
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, unknown>>;
}

function readPackages(): Package[] {
  return readdirSync(join(ROOT, 'packages'))
    .map((folder) => join(ROOT, 'packages', folder))
    .flatMap((dir) => {
      const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as Manifest;
      if (manifest.private === true) return [];
      const entryPoints = Object.keys(manifest.exports)
        .filter((path) => !path.endsWith('.json'))
        .map((path) => manifest.name + path.slice(1));
      return [{ dir, name: manifest.name, entryPoints }];
    });
}

function run(command: string, args: readonly string[], cwd: string): void {
  execFileSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
}

/** Packs a package and returns the path of its tarball. */
function pack({ dir }: Package, into: string): string {
  const output = execFileSync('npm', ['pack', '--json', '--pack-destination', into], {
    cwd: dir,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // npm 12 answers with an object by package name, earlier ones with a list.
  const [packed] = Object.values(JSON.parse(output) as Record<string, { filename: string }>);
  return join(into, packed!.filename);
}

function tryInScratchProject(packages: readonly Package[], scratch: string): void {
  const project = join(scratch, 'project');
  mkdirSync(project);
  const tarballs = packages.map((each) => pack(each, scratch));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'scratch', private: true, type: 'module' }));
  run('npm', ['install', '--silent', '--prefer-offline', '--ignore-scripts', ...tarballs, nodeTypes()], project);

  const entryPoints = packages.flatMap((each) => each.entryPoints);
  const imports = entryPoints.map((name, index) => `import * as entry${index} from '${name}';`);
  const uses = entryPoints.map(
    (name, index) => `console.log('${name}', Object.keys(entry${index}).length, 'exports');`,
  );
  const source = `${[...imports, ...uses].join('\n')}\n`;
  writeFileSync(join(project, 'import.mjs'), source);
  run(process.execPath, ['import.mjs'], project);

  writeFileSync(join(project, 'consumer.ts'), source);
  const flags = ['--strict', '--noEmit', '--target', 'es2022', '--types', 'node', '--skipLibCheck', 'false'];
  run(join(BIN, 'tsc'), [...flags, '--module', 'nodenext', 'consumer.ts'], project);
}

/** The type package that the workspace uses, as `npm install` wants it. */
function nodeTypes(): string {
  const text = readFileSync(join(ROOT, 'package.json'), 'utf8');
  const { devDependencies } = JSON.parse(text) as { devDependencies: Record<string, string> };
  return `@types/node@${devDependencies['@types/node']}`;
}

function checkAll(packages: readonly Package[], scratch: string): void {
  // Files that an earlier build left behind must not be published.
  for (const { dir } of packages) rmSync(join(dir, 'dist'), { recursive: true, force: true });
  run('npm', ['run', 'build', '--silent', '--', '--force'], ROOT);
  for (const { dir } of packages) {
    run(join(BIN, 'publint'), ['--strict', dir], ROOT);
    run(join(BIN, 'attw'), ['--pack', dir, '--profile', 'esm-only'], ROOT);
  }
  tryInScratchProject(packages, scratch);
}

const scratch = mkdtempSync(join(tmpdir(), 'tierwise-pack-'));
try {
  checkAll(readPackages(), scratch);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
