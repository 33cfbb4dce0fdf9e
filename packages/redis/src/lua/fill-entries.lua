#!lua
-- keys: 3+
-- Stores what loads brought, each entry only where nothing newer than its lease is known. What it replaces was there when
-- the load began, so that the source had its version, and the entry keeps that against later sets with lower ones.
--
-- KEYS[1] meta   KEYS[2] fence   KEYS[3] log   KEYS[4..] entries
-- ARGV[1] timeline   ARGV[2] epoch to start if needed
-- ARGV[3] epoch of all leases, 32 hex digits   ARGV[4] the same, 16 raw bytes
-- then for each entry: fence slot, lease, lifetime in ms (0 for ever), envelope
-- Returns {'OK', epoch, seq, outcome, ...}, one outcome an entry (see judge-entry), or {'TIMELINE', timeline}.
--
-- One step, because an event between the check of the fence and the write would be undone. All keys are of one slot.
-- include: shared/open-partition.lua
-- include: shared/announce-event.lua
-- include: shared/forget-names.lua
-- include: shared/lift-expired.lua
-- include: shared/judge-entry.lua

local slots = {}
for i = 4, #KEYS do slots[#slots + 1] = ARGV[5 + 4 * (i - 4)] end
local slotSeqs = redis.call('HMGET', KEYS[2], unpack(slots))

local reply, versions = {'OK', epoch, seq}, {}
for i = 4, #KEYS do
  local at = 5 + 4 * (i - 4)
  local storedLease
  storedLease, versions[i] = datesOf(KEYS[i], ARGV[4])
  reply[i] = judge(KEYS[i], slotSeqs[i - 3], tonumber(ARGV[at + 1]), ARGV[3], storedLease, ARGV[at + 3], 57)
end
for i = 4, #KEYS do
  if reply[i] == 1 then
    local at = 5 + 4 * (i - 4)
    local envelope = ARGV[at + 3]
    if versions[i] > 0 then
      envelope = string.sub(envelope, 1, 48) .. struct.pack('>I8', versions[i]) .. string.sub(envelope, 57)
    end
    if ARGV[at + 2] == '0' then
      redis.call('SET', KEYS[i], envelope)
    else
      redis.call('SET', KEYS[i], envelope, 'PX', ARGV[at + 2])
    end
  end
end
return reply
