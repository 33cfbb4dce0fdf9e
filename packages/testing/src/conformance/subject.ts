import type { PlainLayer, Remote } from 'tierwise/driver';

/** How a server cannot be reached: `refused`, or connected to something that never answers. */
export type Unreachability = 'refused' | 'silent';

/** What makes a server unreachable. */
export interface Obstacle {
  /** Lets the server be reached from now on. */
  recover(): void | Promise<void>;
  /** Ends it. */
  dispose(): Promise<void>;
}

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
   * A shared layer that cannot be reached at first. Its deadline must be at most a second. Left out, those cases are left
   * out.
   */
  createUnreachable?(kind: Unreachability): Promise<Obstacle & { readonly remote: Remote }>;
}

/** What the suite of a layer without scripts is run on. */
export interface PlainConformanceSubject {
  /** A layer whose values may be of a megabyte. Connections made to it share what they store. */
  createLayer(): PlainLayer | Promise<PlainLayer>;
  /** The coherence authority to put beside it, for example `inProcess()`. */
  createAuthority(): Remote | Promise<Remote>;
  /** A layer none of whose servers can be reached at first; otherwise as for a {@link ConformanceSubject}. */
  createUnreachable?(kind: Unreachability): Promise<Obstacle & { readonly layer: PlainLayer }>;
}

/** One test of a suite, for any runner: it passes when `run` resolves and fails when it rejects. */
export interface ConformanceCase {
  readonly name: string;
  run(): Promise<void>;
}
