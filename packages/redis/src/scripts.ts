import type { Redis } from 'ioredis';
import { CacheError, randomEpoch } from 'tierwise/driver';
import type { Line } from './line.ts';
import {
  ADOPT_TIMELINE,
  FILL_ENTRIES,
  INVALIDATE_NAMES,
  type LuaScript,
  READ_MEMBERS,
  READ_TAIL,
  RENEW_FENCE,
  SET_ENTRIES,
} from './lua/scripts.generated.ts';
import type { StateKeys } from './names.ts';
import type { ScriptArg } from './script-args.ts';

const ALL: readonly LuaScript[] = [
  ADOPT_TIMELINE,
  FILL_ENTRIES,
  INVALIDATE_NAMES,
  READ_MEMBERS,
  READ_TAIL,
  RENEW_FENCE,
  SET_ENTRIES,
];

/** Makes a server know all scripts, which spares the first calls a round trip. */
export async function loadScripts(client: Redis): Promise<void> {
  await Promise.all(ALL.map((script) => client.script('LOAD', script.source)));
}

/**
 * Runs a script of the protocol on a partition's state: passes timeline and a fresh epoch first, and on a TIMELINE answer
 * has server and state agree. Such an answer changed nothing, so running the script again is no resending.
 *
 * @returns what the script returns after its 'OK'
 * @throws {CacheError} as `Link.run`; `REMOTE_REJECTED` when they do not come to agree, `CONFIG_CONFLICT` for state of another
 *   format
 */
export async function runScript(
  link: Line,
  state: StateKeys,
  script: LuaScript,
  entryKeys: readonly string[],
  args: readonly ScriptArg[],
): Promise<readonly unknown[]> {
  const keys = [...state, ...entryKeys];
  for (let attempt = 0; attempt < 3; attempt++) {
    const reply = await link.run((client, timeline) =>
      evaluate(client, script, keys, [timeline, randomEpoch(), ...args]),
    );
    if (reply[0] === 'OK') return reply.slice(1);
    if (reply[0] === 'FORMAT') throw formatConflict(reply[1]);
    if (reply[0] === 'FULL') throw new CacheError('REMOTE_REJECTED', 'too many fences are closed at a time');
    await settleTimeline(link, state, String(reply[1]));
  }
  throw new CacheError('REMOTE_REJECTED', 'the state in Redis changes its timeline with every look');
}

/** A release with another format is at work on this cache, or was; its state is neither read nor written. */
function formatConflict(format: unknown): CacheError {
  const message = `the state in Redis has format ${String(format)}, this release knows format 1`;
  return new CacheError('CONFIG_CONFLICT', message, { subject: 'format', limit: 1, actual: Number(format) });
}

/** Finds out which timeline holds: the connection's may have changed, or the state is from another history. */
async function settleTimeline(link: Line, state: StateKeys, stateTimeline: string): Promise<void> {
  const serverTimeline = await link.refreshTimeline();
  if (serverTimeline === stateTimeline) return;
  await link.run((client) =>
    evaluate(client, ADOPT_TIMELINE, [...state], [stateTimeline, randomEpoch(), serverTimeline]),
  );
}

/** By digest; by text where the server has lost it, as after SCRIPT FLUSH. */
async function evaluate(
  client: Redis,
  script: LuaScript,
  keys: readonly string[],
  args: readonly ScriptArg[],
): Promise<readonly unknown[]> {
  try {
    return (await client.evalsha(script.sha1, keys.length, ...keys, ...args)) as readonly unknown[];
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return (await client.eval(script.source, keys.length, ...keys, ...args)) as readonly unknown[];
  }
}
