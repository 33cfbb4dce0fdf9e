import { type Mutation, one } from './mutation.ts';

const LINK = 'redis/src/link.ts';
const TOPOLOGY = 'redis/src/cluster-topology.ts';
const NODE_LINKS = 'redis/src/node-links.ts';
const SCRIPTS = 'redis/src/scripts.ts';
const REMOTE = 'redis/src/redis-remote.ts';
const LAYOUT = 'redis/src/layout.ts';

/** How an instance reaches Redis: deadlines, connections that nothing survives, timelines. */
export const LINK_MUTATIONS: readonly Mutation[] = [
  one('a connection survives its deadline', LINK, '      else this.#giveLastChance(oldest);\n', ''),
  one(
    'bytes that keep coming extend no deadline',
    LINK,
    'const isComing = bytesRead > oldest.bytesRead && waitedMs < MAX_DEADLINES * this.#deadlineMs;',
    'const isComing = false;',
  ),
  one(
    'bytes that keep coming extend a deadline for ever',
    LINK,
    'const isComing = bytesRead > oldest.bytesRead && waitedMs < MAX_DEADLINES * this.#deadlineMs;',
    'const isComing = bytesRead > oldest.bytesRead;',
  ),
  one(
    'a connection that ended does not say why',
    LINK,
    "new CacheError('REMOTE_UNAVAILABLE', message, {}, { cause: withoutArguments(cause) })",
    "new CacheError('REMOTE_UNAVAILABLE', message)",
  ),
  one(
    'a cluster that could not be asked does not say why',
    TOPOLOGY,
    'throw withoutArguments(reason ?? error);',
    'throw withoutArguments(error);',
  ),
  one(
    'a server that is no primary is taken for one',
    LINK,
    "  if (!/^role:master\\r?$/m.test(text)) throw new CacheError('REMOTE_UNAVAILABLE', 'the server is not a primary');\n",
    '',
  ),
  one('a refused timeline is not settled', SCRIPTS, '    await settleTimeline(link, state, String(reply[1]));\n', ''),
  {
    name: 'commands are queued and resent',
    patches: [
      { file: REMOTE, find: '    enableOfflineQueue: false,\n', put: '    enableOfflineQueue: true,\n' },
      {
        file: REMOTE,
        find: '    autoResendUnfulfilledCommands: false,\n',
        put: '    autoResendUnfulfilledCommands: true,\n',
      },
      { file: REMOTE, find: '    maxRetriesPerRequest: 0,\n', put: '    maxRetriesPerRequest: null,\n' },
      { file: REMOTE, find: '    retryStrategy: () => null,\n', put: '    retryStrategy: () => 50,\n' },
    ],
    harmless: 'a link ends its client with its connection, so there is nothing left that could resend',
  },
  one('a tail that only looked is believed', LAYOUT, '      if (claim < 0) throw disputed();\n', ''),
  one('a channel that was refused is not asked for again', NODE_LINKS, '      this.#subscribeSoon();\n', ''),
];
