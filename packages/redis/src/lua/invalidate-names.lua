#!lua flags=allow-oom
-- keys: 3+
-- Gives an event its place in the sequence and makes everybody forget what it names; closes or lifts a fence if asked.
--
-- KEYS[1] meta   KEYS[2] fence   KEYS[3] log   KEYS[4..] entries to drop
-- ARGV[1] timeline             ARGV[2] epoch to start if needed
-- ARGV[3] PUBLISH or SPUBLISH  ARGV[4] channel
-- ARGV[5] event text, origins  ARGV[6] events the log keeps
-- ARGV[7] versions kept        ARGV[8] 1 to clear the whole cache, else 0
-- ARGV[9] '', 'close' or 'lift'   ARGV[10] id of the fence   ARGV[11] its life in ms
-- ARGV[12] the fence as JSON for 'close' (see lift-expired), else ''
-- ARGV[13] number of version fields, then these, each kind:bucket:name, then one fence slot for each entry
-- Returns {'OK', epoch, seq}, {'TIMELINE', timeline of the state}, or {'FULL'} when too many fences are closed: 256, or
-- with this one more than 4 MiB of them, since every script reads them all.
--
-- One step, because between dropping an entry and closing its fence an older load could be stored. All keys are of one
-- slot. Allowed under out-of-memory: forgetting must always be possible.
-- include: shared/open-partition.lua
-- include: shared/announce-event.lua
-- include: shared/forget-names.lua
-- include: shared/lift-expired.lua

local change = ARGV[9]
if change == 'close' and (#closed >= 256 or #(fences or '') + #ARGV[12] > 4194304) then return {'FULL'} end

local count = tonumber(ARGV[13])
local names, slots, fields = {}, {}, {}
for i = 1, count do fields[i] = ARGV[13 + i] end
for i = 4, #KEYS do
  names[i - 3] = KEYS[i]
  slots[i - 3] = ARGV[10 + count + i]
end

seq = seq + 1
redis.call('HSET', KEYS[1], 'seq', seq)
forget(names, slots, fields, ARGV[7])
if ARGV[8] == '1' then redis.call('HSET', KEYS[1], 'clear', seq) end

if change ~= '' then
  local others = {}
  for _, other in ipairs(closed) do
    if other.i ~= ARGV[10] then others[#others + 1] = other end
  end
  closed = others
  if change == 'close' then
    local fence = cjson.decode(ARGV[12])
    fence.u = now + tonumber(ARGV[11])
    closed[#closed + 1] = fence
  end
  saveFences()
end

announce(ARGV[3], ARGV[4], ARGV[6], ARGV[5])
return {'OK', epoch, seq}
