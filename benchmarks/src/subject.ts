import type { User } from './values.ts';

/** What a subject is set up with. */
export interface SubjectContext {
  readonly redisUrl: string;
  /** `host:port` of a Memcached; `undefined` in processes of their own, which measure none. */
  readonly memcachedAddress: string | undefined;
  /** The subject's part of the servers; no two subjects share one. */
  readonly name: string;
  /** Bound of the memory layer. With 1, practically every read is answered by the layer below. */
  readonly memoryEntries: number;
  /** The source of truth. */
  load(key: string): Promise<User>;
}

/**
 * One cache behind the face that all scenarios use. What a subject cannot do is `undefined`, and it stays out of the
 * scenarios that need it; nothing is imitated.
 */
export interface Subject {
  readonly name: string;
  /** From memory, synchronously. */
  readonly peek: ((key: string) => User | null | undefined) | undefined;
  readonly get: ((key: string) => Promise<User | null | undefined>) | undefined;
  /** From a layer, else from the loader, whose answer is kept. */
  readonly getOrSet: ((key: string) => Promise<User | null | undefined>) | undefined;
  readonly getMany: ((keys: readonly string[]) => Promise<readonly (User | null | undefined)[]>) | undefined;
  readonly set: ((key: string, value: User) => Promise<unknown>) | undefined;
  /** Makes every instance forget the key, where there is a way to. */
  readonly delete: ((key: string) => Promise<unknown>) | undefined;
  /** Whether memory holds the key, synchronously and without changing anything; for subjects that tell other instances. */
  readonly holds: ((key: string) => boolean) | undefined;
  close(): Promise<void>;
}

/** How a subject is made. */
export interface SubjectKind {
  readonly name: string;
  /** As its own README tells; its package is imported here, so that importing can be measured. */
  open(context: SubjectContext): Promise<Subject>;
}

/** Lifetime of everything that is stored, by all subjects. */
export const TTL_MS = 300_000;

/** A subject that can do nothing yet. */
export const UNABLE = {
  peek: undefined,
  get: undefined,
  getOrSet: undefined,
  getMany: undefined,
  set: undefined,
  delete: undefined,
  holds: undefined,
} as const;

export function portOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
