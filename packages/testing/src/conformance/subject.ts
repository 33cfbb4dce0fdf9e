import type { Remote } from 'tierwise/driver';

/** What a conformance suite is run on. */
export interface ConformanceSubject {
  /**
   * A shared layer. Sessions opened on it under one cache name share state, as two processes would; each case uses a
   * name of its own.
   */
  createRemote(): Remote | Promise<Remote>;
  /** Ends what `createRemote` began. */
  dispose?(remote: Remote): Promise<void>;
  /** Loses the coherence state of a cache, as a restart without persistence does. Left out, those cases are left out. */
  loseState?(remote: Remote, cacheName: string): Promise<void>;
  /**
   * A shared layer that cannot be reached: `refused`, or connected to something that never answers. Its deadline must be
   * at most a second. Left out, those cases are left out.
   */
  createUnreachable?(kind: 'refused' | 'silent'): Promise<{ readonly remote: Remote; dispose(): Promise<void> }>;
}

/** One test of a suite, for any runner: it passes when `run` resolves and fails when it rejects. */
export interface ConformanceCase {
  readonly name: string;
  run(): Promise<void>;
}
