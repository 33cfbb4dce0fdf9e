#!lua flags=allow-oom
-- keys: 3+
-- Gives an event its place in the sequence and makes everybody forget what it names.
--
-- KEYS[1] meta   KEYS[2] fence   KEYS[3] log   KEYS[4..] entries to drop
-- ARGV[1] timeline            ARGV[2] epoch to start if needed
-- ARGV[3] PUBLISH or SPUBLISH ARGV[4] channel
-- ARGV[5] event text          ARGV[6] events the log keeps
-- ARGV[7] versions kept       ARGV[8] 1 to clear the whole cache, else 0
-- ARGV[9] number of version fields, then these, each kind:bucket:name, then one fence slot for each entry
-- Returns {'OK', epoch, seq} or {'TIMELINE', timeline of the state}.
--
-- One step, because between dropping an entry and closing its fence an older load could be stored. All keys are of one
-- slot. Allowed under out-of-memory: forgetting must always be possible.
-- include: shared/open-partition.lua
-- include: shared/announce-event.lua

local meta, fence = KEYS[1], KEYS[2]
local fields = tonumber(ARGV[9])
seq = seq + 1
redis.call('HSET', meta, 'seq', seq)

if #KEYS > 3 then
  redis.call('UNLINK', unpack(KEYS, 4))
  local slots = {}
  for i = 4, #KEYS do
    slots[#slots + 1] = ARGV[9 + fields + i - 3]
    slots[#slots + 1] = seq
  end
  redis.call('HSET', fence, unpack(slots))
end

if ARGV[8] == '1' then redis.call('HSET', meta, 'clear', seq) end

if fields > 0 then
  local versions = {}
  for i = 10, 9 + fields do
    versions[#versions + 1] = ARGV[i]
    versions[#versions + 1] = seq
  end
  local added = redis.call('HSET', meta, unpack(versions))
  if added > 0 and redis.call('HINCRBY', meta, 'versions', added) > tonumber(ARGV[7]) then
    -- The older half leaves its newest number behind as the floor of its bucket. By halves, so that sorting is rare.
    local all = redis.call('HGETALL', meta)
    local held, floors = {}, {}
    for i = 1, #all, 2 do
      local kind, bucket = string.match(all[i], '^([tpf]):(%d+)')
      if kind == 'f' then
        floors[bucket] = tonumber(all[i + 1])
      elseif kind then
        held[#held + 1] = {field = all[i], bucket = bucket, seq = tonumber(all[i + 1])}
      end
    end
    table.sort(held, function(a, b) return a.seq < b.seq end)
    local dropped = math.floor(#held / 2)
    for i = 1, dropped do
      local version = held[i]
      redis.call('HDEL', meta, version.field)
      if version.seq > (floors[version.bucket] or 0) then
        floors[version.bucket] = version.seq
        redis.call('HSET', meta, 'f:' .. version.bucket, version.seq)
      end
    end
    redis.call('HSET', meta, 'versions', #held - dropped)
  end
end

announce(ARGV[3], ARGV[4], ARGV[6], ARGV[5])
return {'OK', epoch, seq}
