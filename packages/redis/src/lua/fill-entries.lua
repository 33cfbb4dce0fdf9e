#!lua
-- keys: 3+
-- Stores what loads brought, each entry only where nothing newer than its lease is known. What it replaces was there when
-- the load began, so that the source had its version, and the entry keeps that against later sets with lower ones.
--
-- KEYS[1] meta   KEYS[2] fence   KEYS[3] log   KEYS[4..] entries
-- ARGV[1] timeline   ARGV[2] epoch to start if needed
-- ARGV[3] epoch of all leases, 32 hex digits   ARGV[4] the same, 16 raw bytes
-- ARGV[5..] the entries, see unpack-entries
-- Returns {'OK', epoch, seq, outcomes}, one digit an entry (see judge-entry), or {'TIMELINE', timeline}.
--
-- One step, because an event between the check of the fence and the write would be undone. All keys are of one slot.
-- include: shared/open-partition.lua
-- include: shared/announce-event.lua
-- include: shared/forget-names.lua
-- include: shared/lift-expired.lua
-- include: shared/judge-entry.lua
-- include: shared/unpack-entries.lua

local leases, slots, lives, sources, starts, ends = unpackEntries(5)
local slotSeqs = redis.call('HMGET', KEYS[2], unpack(slots))

local outcomes, versions = {}, {}
for i = 1, #slots do
  local key, storedLease = KEYS[i + 3]
  storedLease, versions[i] = datesOf(key, ARGV[4])
  outcomes[i] = judge(key, slotSeqs[i], leases[i], ARGV[3], storedLease, sources[i], starts[i] + 56)
end
for i = 1, #slots do
  if outcomes[i] == 1 then
    local envelope = isWhole(starts[i]) and sources[i] or string.sub(sources[i], starts[i], ends[i])
    if versions[i] > 0 then
      envelope = string.sub(envelope, 1, 48) .. struct.pack('>I8', versions[i]) .. string.sub(envelope, 57)
    end
    store(KEYS[i + 3], envelope, lives[i])
  end
end
return {'OK', epoch, seq, table.concat(outcomes)}
