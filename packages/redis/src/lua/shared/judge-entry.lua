-- Decides whether an entry dated `lease` may be stored: 1 yes, 2 an event on its slot is newer, 3 what is stored carries
-- a higher lease, 4 the lease is of another epoch. Envelope offsets: packages/core/src/wire/envelope.ts. What is stored and
-- no string is no entry: its error answer has no length, and one foreign key must not fail the batch.
local function judge(key, fence, lease, entryEpoch, rawEpoch)
  if entryEpoch ~= epoch or lease > seq then return 4 end
  if fence and tonumber(fence) > lease then return 2 end
  local head = redis.pcall('GETRANGE', key, 0, 39)
  if #head == 40 and string.byte(head, 1) == 1 and string.byte(head, 2) == 0x74 and string.sub(head, 25, 40) == rawEpoch then
    if struct.unpack('>I8', head, 9) > lease then return 3 end
  end
  return 1
end
