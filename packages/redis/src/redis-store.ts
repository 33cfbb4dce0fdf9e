import {
  type CollectOptions,
  type FillOutcome,
  type FillReply,
  matchesGlob,
  type ReadReply,
  type SetOutcome,
  type SetReply,
  type Store,
  type StoreLimits,
  type StoreWrite,
} from 'tierwise/driver';
import { FILL_ENTRIES, SET_ENTRIES } from './lua/scripts.generated.ts';
import type { PartitionLinks } from './partition-links.ts';
import { fillArgs, setArgs } from './script-args.ts';
import { runScript } from './scripts.ts';

/** Outcomes in the order of the digits the scripts answer with, from 1. */
const OUTCOMES: readonly FillOutcome[] = ['stored', 'fenced', 'superseded', 'voided'];

const SET_OUTCOMES: readonly SetOutcome[] = ['stored', 'conflicted', 'outdated'];

/** Entries of one partition as Redis strings. */
export class RedisStore implements Store {
  readonly name = 'redis';
  /** Keys of one script call: Lua can unpack a few thousand values, and no call should hold the server up. */
  readonly limits: StoreLimits = { maxBatch: 500, hasScripts: true };
  readonly #links: PartitionLinks;
  readonly #logEvents: number;

  constructor(options: { links: PartitionLinks; logEvents: number }) {
    this.#links = options.links;
    this.#logEvents = options.logEvents;
  }

  async read(keys: readonly string[]): Promise<ReadReply> {
    const { commands, names } = this.#links;
    return commands.run(async (client, timeline) => {
      const values = await client.mgetBuffer(keys.map((key) => names.entry(key)));
      return { timeline, values: values.map((value) => value ?? undefined) };
    });
  }

  async fill(writes: readonly StoreWrite[]): Promise<FillReply> {
    const { commands, names } = this.#links;
    const [epoch, seq, outcomes] = await runScript(
      commands,
      names.state,
      FILL_ENTRIES,
      writes.map(({ key }) => names.entry(key)),
      fillArgs(writes),
    );
    return {
      epoch: String(epoch),
      seq: Number(seq),
      outcomes: Array.from(String(outcomes), (digit) => OUTCOMES[Number(digit) - 1] ?? 'voided'),
    };
  }

  async set(writes: readonly StoreWrite[], origins: readonly string[] = []): Promise<SetReply> {
    const { commands, names, publishCommand, ownEvents } = this.#links;
    const [epoch, seq, outcomes] = await runScript(
      commands,
      names.state,
      SET_ENTRIES,
      writes.map(({ key }) => names.entry(key)),
      setArgs({ names, publishCommand, ownEvents, logEvents: this.#logEvents }, writes, origins),
    );
    return {
      epoch: String(epoch),
      seq: Number(seq),
      outcomes: Array.from(String(outcomes), (digit) => SET_OUTCOMES[Number(digit) - 1] ?? 'conflicted'),
    };
  }

  async collect(pattern: string, { signal, onProgress }: CollectOptions): Promise<number> {
    const { commands, names } = this.#links;
    const glob = names.scanGlob(pattern);
    let dropped = 0;
    let scanned = 0;
    let cursor = '0';
    do {
      signal?.throwIfAborted();
      const from = cursor;
      const [next, found] = await commands.run((client) => client.scan(from, 'MATCH', glob, 'COUNT', SCAN_COUNT));
      const entries = found.filter((name) => {
        const key = names.scoped(name);
        return key !== undefined && matchesGlob(pattern, key);
      });
      if (entries.length > 0) dropped += await commands.run((client) => client.unlink(...entries));
      scanned += SCAN_COUNT;
      cursor = next;
      onProgress({ dropped, scanned });
    } while (cursor !== '0');
    return dropped;
  }
}

/** Keys one step of SCAN looks at, so that none holds the server up. */
const SCAN_COUNT = 1_000;
