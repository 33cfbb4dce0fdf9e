import { blankComments } from './blank-comments.ts';

/** A file of the repository, as the rules see it. */
export interface TidyFile {
  /** Path from the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
}

interface Rule {
  /** Says which files the rule is about. */
  readonly about: (path: string) => boolean;
  /** One sentence for each breach. */
  readonly breaches: (file: TidyFile) => string[];
}

const WELL_KNOWN_NAME = /^(README|CONTRIBUTING|CHANGELOG|LICENSE|SECURITY|Dockerfile)(\.md)?$/;
const KEBAB_CASE = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
const CATCH_ALL_NAME = /^(utils?|helpers?|misc|common|stuff)\.[a-z]+$/;

const CLOCK_AND_CHANCE =
  /\bnew Date\(\)|\b(?:Date\.now|Math\.random|performance\.now|process\.hrtime|set(?:Timeout|Interval|Immediate)|random(?:Bytes|UUID|Int|FillSync)|getRandomValues)\b/g;
const SEAM = /^(clock|random)\.ts$/;

/** The timeout is held by nobody then: once it is collected it never fires, and who polls the whole waits for ever. */
const LOST_TIMEOUT = /\bAbortSignal\.any\([^;]*\bAbortSignal\.timeout\b/g;

const MACHINE_PATH = /(?<![\w.:/-])\/(?:home|root|Users|work|mnt)\/[\w.-]+|\b[A-Z]:\\Users\\/g;
const REGISTRY_HOST = /\b(?:registry\.(?:npmjs|yarnpkg|npmmirror)\.\w+|npm\.pkg\.github\.com)\b|"resolved": "https?:/g;

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Every match in the text with the number of its line. */
function find(pattern: RegExp, text: string): { found: string; line: number }[] {
  return [...text.matchAll(pattern)].map((match) => ({
    found: match[0],
    line: text.slice(0, match.index).split('\n').length,
  }));
}

const RULES: readonly Rule[] = [
  {
    about: () => true,
    breaches: ({ path }) =>
      path
        .split('/')
        .filter((part) => !KEBAB_CASE.test(part) && !WELL_KNOWN_NAME.test(part))
        .map((part) => `"${part}" is not kebab-case`),
  },
  {
    about: (path) => CATCH_ALL_NAME.test(nameOf(path)),
    breaches: ({ path }) => [`"${nameOf(path)}" says nothing: name the file for its one concept`],
  },
  {
    about: (path) => /^packages\/[^/]+\/src\/.*\.ts$/.test(path) && !SEAM.test(nameOf(path)),
    breaches: ({ text }) =>
      find(CLOCK_AND_CHANCE, blankComments(text)).map(
        ({ found, line }) => `line ${line}: ${found} belongs behind the seam in clock.ts or random.ts`,
      ),
  },
  {
    about: (path) => /\.ts$/.test(path),
    breaches: ({ text }) =>
      find(LOST_TIMEOUT, blankComments(text)).map(
        ({ line }) => `line ${line}: a timeout inside AbortSignal.any may be collected before it fires`,
      ),
  },
  {
    about: (path) => /\.(md|lua)$/.test(path) && nameOf(path) !== 'CHANGELOG.md',
    breaches: ({ text }) => {
      const lines = text.split('\n').length;
      return lines > 400 ? [`${lines} lines; 400 are enough for one file`] : [];
    },
  },
  {
    about: () => true,
    breaches: ({ text }) => find(MACHINE_PATH, text).map(({ found, line }) => `line ${line}: machine path ${found}`),
  },
  {
    about: () => true,
    breaches: ({ text }) => find(REGISTRY_HOST, text).map(({ line }) => `line ${line}: address of a package registry`),
  },
];

/** Every breach of the rules about single files, as `path: sentence`. */
export function tidyFiles(files: readonly TidyFile[]): string[] {
  return files.flatMap((file) =>
    RULES.filter(({ about }) => about(file.path)).flatMap(({ breaches }) =>
      breaches(file).map((breach) => `${file.path}: ${breach}`),
    ),
  );
}

interface Manifest {
  readonly private?: boolean;
  readonly version?: string;
  readonly engines?: unknown;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Every breach of what published packages have in common: version, engines, licence. */
export function tidyPackages(files: readonly TidyFile[]): string[] {
  const textOf = new Map(files.map(({ path, text }) => [path, text]));
  const license = textOf.get('LICENSE');
  const breaches = license === undefined ? ['LICENSE: is missing'] : [];
  let first: Manifest | undefined;
  for (const [path, text] of textOf) {
    if (!/^packages\/[^/]+\/package\.json$/.test(path)) continue;
    const manifest = JSON.parse(text) as Manifest;
    if (manifest.private === true) continue;
    first ??= manifest;
    const dir = path.slice(0, path.lastIndexOf('/'));
    if (textOf.get(`${dir}/LICENSE`) !== license) breaches.push(`${dir}/LICENSE: is not the one of the repository`);
    if (!textOf.has(`${dir}/README.md`)) breaches.push(`${dir}/README.md: is missing`);
    if (manifest.version !== first.version) breaches.push(`${path}: all packages share one version`);
    if (JSON.stringify(manifest.engines) !== JSON.stringify(first.engines)) {
      breaches.push(`${path}: all packages share one "engines"`);
    }
    const peer = manifest.peerDependencies?.tierwise;
    if (peer !== undefined && peer !== first.version) breaches.push(`${path}: peer "tierwise" is not ${first.version}`);
  }
  return breaches;
}
