-- Opens the partition's state. Every script begins with it.
--
-- KEYS[1] meta   KEYS[2] fence   KEYS[3] log
-- ARGV[1] timeline of the caller's connection   ARGV[2] epoch to start if one has to be started, 32 hex digits
--
-- Where meta or fence is missing, or their epochs differ, state was lost: a new epoch makes everything older void.
-- Where the timeline differs nothing is changed and the caller has to find out which one holds.
local partition = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'seq')
local epoch, timeline, seq = partition[1], partition[2], tonumber(partition[3])
local fenceEpoch = redis.call('HGET', KEYS[2], 'epoch')
if not epoch or not timeline or not seq or fenceEpoch ~= epoch then
  epoch, timeline, seq = ARGV[2], ARGV[1], 0
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'timeline', timeline, 'seq', 0)
  redis.call('HSET', KEYS[2], 'epoch', epoch)
elseif timeline ~= ARGV[1] then
  return {'TIMELINE', timeline}
end
