#!lua
-- keys: 3+
-- Stores values that were set and makes everybody forget the ones before; an entry that conflicts with something newer
-- than its lease is dropped instead. One event for all entries, or none where all of them are outdated.
--
-- KEYS[1] meta   KEYS[2] fence   KEYS[3] log   KEYS[4..] entries, no key twice
-- ARGV[1] timeline            ARGV[2] epoch to start if needed
-- ARGV[3] PUBLISH or SPUBLISH ARGV[4] channel
-- ARGV[5] event text, origins ARGV[6] events the log keeps
-- ARGV[7] epoch of all leases, 32 hex digits   ARGV[8] the same, 16 raw bytes
-- then for each entry: fence slot, lease, lifetime in ms (0 for ever), envelope up to its own seq, envelope after it
-- Returns {'OK', epoch, seq, outcome, ...}, seq that of the event if there is one, or {'TIMELINE', timeline}. Outcomes: 1 stored, 2 conflicted and dropped,
-- 3 outdated by the version of what is stored, which stays.
--
-- One step for the reason of fill-entries. All keys are of one slot. Not allowed under out-of-memory.
-- include: shared/open-partition.lua
-- include: shared/announce-event.lua
-- include: shared/forget-names.lua
-- include: shared/lift-expired.lua
-- include: shared/judge-entry.lua

local slots = {}
for i = 4, #KEYS do slots[#slots + 1] = ARGV[9 + 5 * (i - 4)] end
local slotSeqs = redis.call('HMGET', KEYS[2], unpack(slots))

local outcomes, reply, isEvent = {}, {'OK', epoch, seq}, false
for i = 4, #KEYS do
  local at = 9 + 5 * (i - 4)
  local lease, after = tonumber(ARGV[at + 1]), ARGV[at + 4]
  local storedLease, storedVersion = datesOf(KEYS[i], ARGV[8])
  local version = struct.unpack('>I8', after, 25)
  if version > 0 and storedVersion > 0 and ARGV[7] == epoch and lease <= seq and not isCovered(KEYS[i], after, 33) then
    -- Both sides have a version of the caller's: that alone tells which one is newer.
    outcomes[i] = version < storedVersion and 3 or 1
  else
    outcomes[i] = judge(KEYS[i], slotSeqs[i - 3], lease, ARGV[7], storedLease, after, 33) == 1 and 1 or 2
  end
  reply[i] = outcomes[i]
  isEvent = isEvent or outcomes[i] ~= 3
end
-- What is stored stays, so nobody has anything to forget.
if not isEvent then return reply end

seq = seq + 1
redis.call('HSET', KEYS[1], 'seq', seq)
local own = struct.pack('>I8', seq)
local closing = {}
reply[3] = seq
for i = 4, #KEYS do
  local at = 9 + 5 * (i - 4)
  if outcomes[i] == 1 then
    local envelope = ARGV[at + 3] .. own .. ARGV[at + 4]
    if ARGV[at + 2] == '0' then
      redis.call('SET', KEYS[i], envelope)
    else
      redis.call('SET', KEYS[i], envelope, 'PX', ARGV[at + 2])
    end
  elseif outcomes[i] == 2 then
    redis.call('UNLINK', KEYS[i])
  end
  closing[#closing + 1] = ARGV[at]
  closing[#closing + 1] = seq
end
redis.call('HSET', KEYS[2], unpack(closing))
announce(ARGV[3], ARGV[4], ARGV[6], ARGV[5])
return reply
