import { partitionIndex } from '../../src/coherence/slots.ts';
import type { Remote } from '../../src/store/remote.ts';
import type { ScriptedRemote } from './scripted-remote.ts';

/** Several scripted remotes as the partitions of one. */
export function partitioned(parts: readonly ScriptedRemote[]): Remote {
  return {
    name: 'scripted',
    open(context) {
      const sessions = parts.map((part) => part.open(context));
      return {
        partitions: sessions.flatMap((session) => session.partitions),
        partitionOf: (key) => partitionIndex(key, parts.length),
        close: async () => {
          await Promise.all(sessions.map((session) => session.close()));
        },
      };
    },
  };
}
