import { SeededRandom } from '@tierwise/testing';
import type { Progress } from './progress.ts';
import type { Group } from './result.ts';
import type { Subject } from './subject.ts';
import { subjectKind } from './subjects/index.ts';
import { type User, userOf } from './values.ts';

export interface BenchOptions {
  readonly redisUrl: string;
  readonly memcachedAddress: string;
  readonly rounds: number;
  /** How long one subject runs in one round, milliseconds. */
  readonly roundMs: number;
  readonly seed: number;
  readonly progress: Progress;
}

/** What the subjects of a scenario are opened with. */
export interface OpenOptions {
  /** Bound of the memory layer. */
  readonly memoryEntries: number;
  /** Default: the value that belongs to the key, at once. */
  readonly load?: (key: string) => Promise<User>;
}

let opened = 0;

/** What all scenarios of a run share: servers, chance, and how long to measure. */
export class Bench {
  readonly options: BenchOptions;

  constructor(options: BenchOptions) {
    this.options = options;
  }

  get progress(): Progress {
    return this.options.progress;
  }

  /** A source of chance that is the same in every run with this seed, whichever scenarios it has. */
  random(purpose: string): SeededRandom {
    let hash = this.options.seed >>> 0;
    for (let at = 0; at < purpose.length; at++) hash = (Math.imul(hash, 31) + purpose.charCodeAt(at)) >>> 0;
    return new SeededRandom(hash);
  }

  /** One subject, with a part of the servers that nothing else uses. */
  open(name: string, { memoryEntries, load = async (key) => userOf(key) }: OpenOptions): Promise<Subject> {
    const { redisUrl, memcachedAddress } = this.options;
    return subjectKind(name).open({ redisUrl, memcachedAddress, name: `bench-${opened++}`, memoryEntries, load });
  }

  /** Opens subjects for the time of some work, and closes them however that ends. */
  async withSubjects(
    names: readonly string[],
    options: OpenOptions,
    work: (subjects: readonly Subject[]) => Promise<readonly Group[]>,
  ): Promise<readonly Group[]> {
    const subjects: Subject[] = [];
    try {
      for (const name of names) subjects.push(await this.open(name, options));
      return await work(subjects);
    } finally {
      for (const subject of subjects) await subject.close();
    }
  }
}

/** A question, and how it is answered. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What the figures tell. */
  readonly question: string;
  /** What they do not. */
  readonly limits: string;
  run(bench: Bench): Promise<readonly Group[]>;
}
