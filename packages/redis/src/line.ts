import type { Redis } from 'ioredis';

/** Where commands of a partition go. */
export interface Line {
  /** Of the current connection; `undefined` while there is none. */
  readonly timeline: string | undefined;
  /** @throws {CacheError} as `Link.run` */
  run<R>(command: (client: Redis, timeline: string) => Promise<R>): Promise<R>;
  /** Reads the server's timeline again. */
  refreshTimeline(): Promise<string>;
}
