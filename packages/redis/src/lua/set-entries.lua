#!lua
-- keys: 3+
-- Stores values that were set and makes everybody forget the ones before; an entry that conflicts with something newer
-- than its lease is dropped instead. One event for all entries.
--
-- KEYS[1] meta   KEYS[2] fence   KEYS[3] log   KEYS[4..] entries, no key twice
-- ARGV[1] timeline            ARGV[2] epoch to start if needed
-- ARGV[3] PUBLISH or SPUBLISH ARGV[4] channel
-- ARGV[5] event text          ARGV[6] events the log keeps
-- ARGV[7] epoch of all leases, 32 hex digits   ARGV[8] the same, 16 raw bytes
-- then for each entry: fence slot, lease, lifetime in ms (0 for ever), envelope up to its own seq, envelope after it
-- Returns {'OK', epoch, seq, stored, ...}, stored 1 or 0 for each entry, or {'TIMELINE', timeline}.
--
-- One step for the reason of fill-entries. All keys are of one slot. Not allowed under out-of-memory.
-- include: shared/open-partition.lua
-- include: shared/announce-event.lua
-- include: shared/judge-entry.lua

local slots = {}
for i = 4, #KEYS do slots[#slots + 1] = ARGV[9 + 5 * (i - 4)] end
local fences = redis.call('HMGET', KEYS[2], unpack(slots))

local isStored = {}
for i = 4, #KEYS do
  isStored[i] = judge(KEYS[i], fences[i - 3], tonumber(ARGV[10 + 5 * (i - 4)]), ARGV[7], ARGV[8]) == 1
end

seq = seq + 1
redis.call('HSET', KEYS[1], 'seq', seq)
local own = struct.pack('>I8', seq)
local closed = {}
local reply = {'OK', epoch, seq}
for i = 4, #KEYS do
  local at = 9 + 5 * (i - 4)
  if isStored[i] then
    local envelope = ARGV[at + 3] .. own .. ARGV[at + 4]
    if ARGV[at + 2] == '0' then
      redis.call('SET', KEYS[i], envelope)
    else
      redis.call('SET', KEYS[i], envelope, 'PX', ARGV[at + 2])
    end
  else
    redis.call('UNLINK', KEYS[i])
  end
  closed[#closed + 1] = ARGV[at]
  closed[#closed + 1] = seq
  reply[#reply + 1] = isStored[i] and 1 or 0
end
redis.call('HSET', KEYS[2], unpack(closed))
announce(ARGV[3], ARGV[4], ARGV[6], ARGV[5])
return reply
