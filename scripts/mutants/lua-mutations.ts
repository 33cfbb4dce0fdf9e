import type { Mutation } from './mutation.ts';

const SCRIPTS = 'redis/src/lua/scripts.generated.ts';

/** The scripts themselves, which the simulator does not run. */
export const LUA_MUTATIONS: readonly Mutation[] = [
  lua('fence slots are not checked', 'if slotSeq and tonumber(slotSeq) > lease then return 2 end\n', ''),
  lua('the epoch of a lease is not checked', 'if entryEpoch ~= epoch or lease > seq then return 4 end\n', ''),
  lua('a closed fence refuses nothing', 'if isCovered(key, bytes, at) then return 2 end\n', ''),
  lua('a fill may replace one with a higher lease', 'if storedLease > lease then return 3 end\n', ''),
  lua(
    'a set that conflicts is stored all the same',
    'source, start + 56) == 1 and 1 or 2',
    'source, start + 56) > 0 and 1 or 2',
  ),
  lua('a large value that is set has no number of its own', "redis.call('SETRANGE', key, '16', own)", ''),
  lua(
    'a small value that is set keeps the number it came with',
    ' .. own .. string.sub(source, start + 24',
    ' .. string.sub(source, start + 16',
  ),
  lua('any lease counts as the newest', 'areNewest = areNewest and leases[i] == seq', 'areNewest = areNewest'),
  lua('the newest lease of another epoch counts', 'local areNewest = ARGV[7] == epoch', 'local areNewest = true'),
  lua('the newest lease goes past versions', 'if areNewest and version == 0 and', 'if areNewest and'),
  lua('the newest lease goes past closed fences', 'version == 0 and #closed == 0 then', 'version == 0 then'),
  lua('a lower version replaces a higher one', 'version < storedVersion and 3 or 1', '1'),
  lua('a fill drops the version of what it replaces', 'if versions[i] > 0 then', 'if versions[i] < 0 then'),
  lua('a lost fence goes unnoticed', ' or fenceEpoch ~= epoch then', ' then'),
  lua('the timeline of the state is not checked', 'elseif timeline ~= ARGV[1] then', 'elseif not timeline then'),
  lua('another format is taken for this one', "if partition[5] and partition[5] ~= '1' then", 'if not partition then'),
  lua('adopting a timeline happens again and again', 'if state[2] ~= ARGV[1] then return', 'if not state then return'),
  lua('a tail does not look at the last number', "entries[#entries][1] == last .. '-0'", "entries[#entries][1] ~= ''"),
  lua('what is pruned leaves no floor', "raised['f:' .. version.bucket] = version.seq", 'floors[0] = version.seq'),
  lua('a pruned pattern is forgotten', 'raised.clear = clear', 'floors[0] = clear'),
  {
    ...lua('a fence that ran out opens without an event', 'announce(fence.b, fence.c, fence.m, fence.e)', ''),
    witness: ['packages/redis/test/mutate.redis.test.ts'],
  },
  lua('any lift opens every fence', 'if other.i ~= ARGV[10] then', 'if false then'),
  lua('large events take as much room as small ones', 'math.floor(16777216 / #logged)', 'tonumber(logEvents)'),
  lua('a list of members that was lost is as old as the epoch', 'now - math.max(begun, listed or now)', 'now - begun'),
];

function lua(name: string, find: string, put: string): Mutation {
  return { name: `Lua: ${name}`, patches: [{ file: SCRIPTS, find, put, isEverywhere: true }] };
}
