-- Opens the partition's state. Every script begins with it.
--
-- KEYS[1] meta   KEYS[2] fence   KEYS[3] log
-- ARGV[1] timeline of the caller's connection   ARGV[2] epoch to start if one has to be started, 32 hex digits
--
-- Where meta or fence is missing, or their epochs differ, state was lost: a new epoch makes everything older void.
-- Where the timeline differs nothing is changed and the caller has to find out which one holds. State of another format is
-- a later release's: it is not touched, nor believed.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local partition = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'seq', 'fences', 'format')
if partition[5] and partition[5] ~= '1' then return {'FORMAT', partition[5]} end
local epoch, timeline, seq, fences = partition[1], partition[2], tonumber(partition[3]), partition[4]
local fenceEpoch = redis.call('HGET', KEYS[2], 'epoch')
local function startEpoch()
  epoch, timeline, seq, fences = ARGV[2], ARGV[1], 0, false
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  local begun = string.format('%.0f', now)
  redis.call('HSET', KEYS[1], 'format', 1, 'epoch', epoch, 'timeline', timeline, 'seq', 0, 'begun', begun)
  redis.call('HSET', KEYS[2], 'epoch', epoch)
end
if not epoch or not timeline or not seq or not partition[5] or fenceEpoch ~= epoch then
  startEpoch()
elseif timeline ~= ARGV[1] then
  return {'TIMELINE', timeline}
end
