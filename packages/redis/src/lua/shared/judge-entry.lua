-- Decides whether an entry may be stored. Envelope offsets: packages/core/src/wire/envelope.ts. `bytes` holds the entry's
-- number of tags at position `at`. What is stored and no string is no entry: its error answer has no length, and one
-- foreign key must not fail the batch.
local function isCovered(key, bytes, at)
  if #closed == 0 then return false end
  local tags = {}
  local tagAt = at + 2
  for i = 1, struct.unpack('>I2', bytes, at) do
    local length = struct.unpack('>I2', bytes, tagAt)
    tags[string.sub(bytes, tagAt + 2, tagAt + 1 + length)] = true
    tagAt = tagAt + 2 + length
  end
  for _, fence in ipairs(closed) do
    for _, name in ipairs(fence.n) do
      if name == key then return true end
    end
    for _, prefix in ipairs(fence.P) do
      if string.sub(key, 1, #prefix) == prefix then return true end
    end
    for _, tag in ipairs(fence.t) do
      if tags[tag] then return true end
    end
  end
  return false
end

-- Lease and version (plus 1) of what is stored, both 0 where it is no entry of this epoch.
local function datesOf(key, rawEpoch)
  -- Numbers as text, since a number has to be printed first, which takes as long as the command.
  local head = redis.pcall('GETRANGE', key, '0', '55')
  if #head ~= 56 then return 0, 0 end
  local format, mark, lease, entryEpoch, version = struct.unpack('>BBxxxxxxI8xxxxxxxxc16xxxxxxxxI8', head)
  if format ~= 1 or mark ~= 0x74 or entryEpoch ~= rawEpoch then return 0, 0 end
  return lease, version
end

-- 1 yes, 2 an event on its slot is newer or a closed fence covers it, 3 what is stored carries a higher lease, 4 the lease
-- is of another epoch.
local function judge(key, slotSeq, lease, entryEpoch, storedLease, bytes, at)
  if entryEpoch ~= epoch or lease > seq then return 4 end
  if isCovered(key, bytes, at) then return 2 end
  if slotSeq and tonumber(slotSeq) > lease then return 2 end
  if storedLease > lease then return 3 end
  return 1
end
