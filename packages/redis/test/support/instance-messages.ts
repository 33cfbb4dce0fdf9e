import type { Health, MutateOptions, MutateResult, MutateTarget } from 'tierwise';

/** What a cache in another process can be asked for; arguments and results travel as structured clones. */
export interface InstanceCalls {
  /** Creates the cache. `leaseMs` is Δ. */
  open(url: string, leaseMs: number, commandTimeoutMs: number): Health['state'];
  get(key: string): unknown;
  peek(key: string): unknown;
  /** The loader asks the parent, with the key. */
  getOrSet(key: string, tags: readonly string[]): unknown;
  set(
    key: string,
    value: unknown,
    tags: readonly string[],
    version?: number,
  ): { stored: boolean; outdated: boolean; delivered: boolean };
  delete(key: string): { delivered: boolean };
  invalidateTags(tags: readonly string[]): { delivered: boolean };
  clear(): { delivered: boolean };
  health(): { state: string; journaled: number };
  stats(): { loads: number; unkept: number; running: number; resyncs: number; remoteHits: number };
  /** Reads the key without a pause from now on, by `peek` and by `getOrSet`. */
  watch(key: string): undefined;
  /** What a watched key was answered with: each value and when the last read began that brought it, Unix ms. */
  watched(key: string): ReadonlyMap<unknown, number>;
  /** A guarded write whose callback asks the parent, like a loader, for `write`. */
  mutate(target: MutateTarget, options: MutateOptions): MutateResult<unknown>;
  close(): undefined;
}

export interface InstanceRequest {
  readonly id: number;
  readonly cacheName: string;
  readonly method: keyof InstanceCalls;
  readonly args: readonly unknown[];
}

export type InstanceMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'reply'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly code: string; readonly message: string }
  | { readonly kind: 'load'; readonly id: number; readonly cacheName: string; readonly key: string };

/** The parent's answer to a `load`. */
export interface LoadAnswer {
  readonly loadId: number;
  readonly value: unknown;
}
