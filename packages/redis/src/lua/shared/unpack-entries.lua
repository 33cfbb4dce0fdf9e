-- Takes apart the argument that holds all entries of a call. One argument is a fraction of the work that several for each
-- entry are, on both sides. Numbers are big-endian; slot and lifetime are text, as commands take them:
--   u64 lease   u8 length, fence slot   u8 length, lifetime in ms (0 for ever)   u32 length, envelope
local function unpackEntries(packed)
  local leases, slots, lives, starts, ends, at = {}, {}, {}, {}, {}, 1
  for i = 1, #KEYS - 3 do
    local size
    leases[i], slots[i], lives[i], size, at = struct.unpack('>I8Bc0Bc0I4', packed, at)
    starts[i] = at
    at = at + size
    ends[i] = at - 1
  end
  return leases, slots, lives, starts, ends
end
