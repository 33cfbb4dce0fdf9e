-- Drops entries and closes their slots, and raises the versions of tags, prefixes and patterns, all to the number `seq`.
local function prune(limit)
  -- The older half leaves its newest number behind: as the floor of its bucket, a pattern as a version of the whole cache.
  -- By halves, so that sorting is rare.
  local meta = KEYS[1]
  local all = redis.call('HGETALL', meta)
  local held, floors, clear = {}, {}, 0
  for i = 1, #all, 2 do
    local kind, bucket = string.match(all[i], '^([tpgf]):(%d+)')
    if kind == 'f' then
      floors[bucket] = tonumber(all[i + 1])
    elseif kind then
      held[#held + 1] = {field = all[i], kind = kind, bucket = bucket, seq = tonumber(all[i + 1])}
    elseif all[i] == 'clear' then
      clear = tonumber(all[i + 1])
    end
  end
  if #held <= limit then return #held end
  table.sort(held, function(a, b) return a.seq < b.seq end)
  local dropped = math.floor(#held / 2)
  local gone, raised = {}, {}
  for i = 1, dropped do
    local version = held[i]
    gone[i] = version.field
    if version.kind == 'g' then
      clear = math.max(clear, version.seq)
      raised.clear = clear
    elseif version.seq > (floors[version.bucket] or 0) then
      floors[version.bucket] = version.seq
      raised['f:' .. version.bucket] = version.seq
    end
  end
  local pairsOf = {}
  for field, number in pairs(raised) do
    pairsOf[#pairsOf + 1] = field
    pairsOf[#pairsOf + 1] = number
  end
  for at = 1, #gone, 1000 do redis.call('HDEL', meta, unpack(gone, at, math.min(at + 999, #gone))) end
  for at = 1, #pairsOf, 1000 do redis.call('HSET', meta, unpack(pairsOf, at, math.min(at + 999, #pairsOf))) end
  return #held - dropped
end

local function forget(names, slots, fields, limit)
  if #names > 0 then
    redis.call('UNLINK', unpack(names))
    local closing = {}
    for i = 1, #slots do
      closing[2 * i - 1] = slots[i]
      closing[2 * i] = seq
    end
    redis.call('HSET', KEYS[2], unpack(closing))
  end
  if #fields > 0 then
    local versions = {}
    for i = 1, #fields do
      versions[2 * i - 1] = fields[i]
      versions[2 * i] = seq
    end
    local added = redis.call('HSET', KEYS[1], unpack(versions))
    if added > 0 and redis.call('HINCRBY', KEYS[1], 'versions', added) > tonumber(limit) then
      redis.call('HSET', KEYS[1], 'versions', prune(tonumber(limit)))
    end
  end
end
