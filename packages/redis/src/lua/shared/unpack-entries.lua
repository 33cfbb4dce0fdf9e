-- Takes apart the entries of a call: ARGV[first] holds them one after the other, since one argument is a fraction of the
-- work that several for each entry are, on both sides. A large envelope is an argument of its own, the next one after
-- ARGV[first]: Lua hashes every byte of every string it makes, and cutting one out makes it anew. Numbers are big-endian; slot and
-- lifetime are text, as commands take them:
--   u64 lease   u8 length, fence slot   u8 length, lifetime in ms (0 for ever)   u32 length, envelope; 0 for a large one
-- Answers for each entry its lease, slot and lifetime, and the string, first and last byte where its envelope is.
local function unpackEntries(first)
  local packed, at, large = ARGV[first], 1, first
  local leases, slots, lives, sources, starts, ends = {}, {}, {}, {}, {}, {}
  for i = 1, #KEYS - 3 do
    local size
    leases[i], slots[i], lives[i], size, at = struct.unpack('>I8Bc0Bc0I4', packed, at)
    if size == 0 then
      large = large + 1
      sources[i], starts[i], ends[i] = ARGV[large], 1, #ARGV[large]
    else
      sources[i], starts[i], ends[i] = packed, at, at + size - 1
      at = at + size
    end
  end
  return leases, slots, lives, sources, starts, ends
end

-- Whether an envelope that starts there is all of its string.
local function isWhole(start)
  return start == 1
end

local function store(key, envelope, life)
  if life == '0' then
    redis.call('SET', key, envelope)
  else
    redis.call('SET', key, envelope, 'PX', life)
  end
end
