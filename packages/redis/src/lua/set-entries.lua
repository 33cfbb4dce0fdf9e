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
-- ARGV[9..] the entries, see unpack-entries; envelopes that share an argument hold the number after their lease as own seq
-- Returns {'OK', epoch, seq, outcomes}, seq that of the event if there is one, or {'TIMELINE', timeline}. Outcomes are one digit an
-- entry: 1 stored, 2 conflicted and dropped, 3 outdated by the version of what is stored, which stays.
--
-- One step for the reason of fill-entries. All keys are of one slot. Not allowed under out-of-memory.
-- include: shared/open-partition.lua
-- include: shared/announce-event.lua
-- include: shared/forget-names.lua
-- include: shared/lift-expired.lua
-- include: shared/judge-entry.lua
-- include: shared/unpack-entries.lua

local leases, slots, lives, sources, starts, ends = unpackEntries(9)

-- Nothing is newer than leases of the last number there is: neither an event on a slot nor the lease of what is stored.
local areNewest = ARGV[7] == epoch
for i = 1, #leases do areNewest = areNewest and leases[i] == seq end
local slotSeqs = areNewest and {} or redis.call('HMGET', KEYS[2], unpack(slots))

local function judgeSet(i)
  local key, lease, source, start = KEYS[i + 3], leases[i], sources[i], starts[i]
  local version = struct.unpack('>I8', source, start + 48)
  if areNewest and version == 0 and #closed == 0 then return 1 end
  local storedLease, storedVersion = datesOf(key, ARGV[8])
  local isDated = version > 0 and storedVersion > 0 and ARGV[7] == epoch and lease <= seq
  if isDated and not isCovered(key, source, start + 56) then
    -- Both sides have a version of the caller's: that alone tells which one is newer.
    return version < storedVersion and 3 or 1
  end
  return judge(key, slotSeqs[i], lease, ARGV[7], storedLease, source, start + 56) == 1 and 1 or 2
end

local outcomes, isEvent = {}, false
for i = 1, #slots do
  outcomes[i] = judgeSet(i)
  isEvent = isEvent or outcomes[i] ~= 3
end
-- What is stored stays, so nobody has anything to forget.
if not isEvent then return {'OK', epoch, seq, table.concat(outcomes)} end

seq = seq + 1
local number, own, closing = string.format('%.0f', seq), struct.pack('>I8', seq), {}
redis.call('HSET', KEYS[1], 'seq', number)
for i = 1, #slots do
  local key, source, start = KEYS[i + 3], sources[i], starts[i]
  if outcomes[i] == 1 and isWhole(start) then
    store(key, source, lives[i])
    redis.call('SETRANGE', key, '16', own)
  elseif outcomes[i] == 1 and areNewest then
    store(key, string.sub(source, start, ends[i]), lives[i])
  elseif outcomes[i] == 1 then
    store(key, string.sub(source, start, start + 15) .. own .. string.sub(source, start + 24, ends[i]), lives[i])
  elseif outcomes[i] == 2 then
    redis.call('UNLINK', key)
  end
  closing[2 * i - 1] = slots[i]
  closing[2 * i] = number
end
redis.call('HSET', KEYS[2], unpack(closing))
announce(ARGV[3], ARGV[4], ARGV[6], ARGV[5])
return {'OK', epoch, seq, table.concat(outcomes)}
