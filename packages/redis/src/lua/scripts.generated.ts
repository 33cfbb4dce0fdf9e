// Generated from the .lua files in this directory by `npm run generate`: edit those.

/** A script for the server: its text, and the digest that `EVALSHA` wants. */
export interface LuaScript {
  readonly name: string;
  /** Number of keys, or the least number where `variadic`. */
  readonly keys: number;
  readonly variadic: boolean;
  readonly sha1: string;
  readonly source: string;
}

export const ADOPT_TIMELINE: LuaScript = {
  name: 'adopt-timeline',
  keys: 3,
  variadic: false,
  sha1: 'd1c690303c6ad8c9b4a9b863d2e5e4255a2c31b3',
  source: `#!lua flags=allow-oom
local state = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'format')
if state[3] and state[3] ~= '1' then return {'FORMAT', state[3]} end
if state[2] ~= ARGV[1] then return {'OK', state[1] or ''} end
local now = redis.call('TIME')
local begun = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 'format', 1, 'epoch', ARGV[2], 'timeline', ARGV[3], 'seq', 0, 'begun', begun)
redis.call('HSET', KEYS[2], 'epoch', ARGV[2])
return {'OK', ARGV[2]}
`,
};

export const FILL_ENTRIES: LuaScript = {
  name: 'fill-entries',
  keys: 3,
  variadic: true,
  sha1: '7a709b1462303e2ae6ef5b657655dcca2b18ebeb',
  source: `#!lua
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local partition = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'seq', 'fences', 'format')
if partition[5] and partition[5] ~= '1' then return {'FORMAT', partition[5]} end
local epoch, timeline, seq, fences = partition[1], partition[2], tonumber(partition[3]), partition[4]
local fenceEpoch = redis.call('HGET', KEYS[2], 'epoch')
local function startEpoch()
  epoch, timeline, seq, fences = ARGV[2], ARGV[1], 0, false
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  local begun = string.format('%.0f', now)
  redis.call('HSET', KEYS[1], 'format', 1, 'epoch', epoch, 'timeline', timeline, 'seq', 0, 'begun', begun)
  redis.call('HSET', KEYS[2], 'epoch', epoch)
end
if not epoch or not timeline or not seq or not partition[5] or fenceEpoch ~= epoch then
  startEpoch()
elseif timeline ~= ARGV[1] then
  return {'TIMELINE', timeline}
end
local function announce(command, channel, logEvents, event)
  local number = string.format('%.0f', seq)
  local stop = string.find(event, '\\n', 1, true)
  local logged = stop and string.sub(event, 1, stop - 1) or event
  local most = math.max(1, math.min(tonumber(logEvents), math.floor(16777216 / #logged)))
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', most, number .. '-0', 'e', logged)
  redis.call(command, channel, '1 ' .. epoch .. ' ' .. number .. ' ' .. event)
end
local function prune(limit)
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
local closed = {}
local function saveFences()
  if #closed == 0 then
    redis.call('HDEL', KEYS[1], 'fences')
  else
    redis.call('HSET', KEYS[1], 'fences', cjson.encode(closed))
  end
end
if fences then
  local expired = {}
  for _, fence in ipairs(cjson.decode(fences)) do
    if fence.u > now then closed[#closed + 1] = fence else expired[#expired + 1] = fence end
  end
  for _, fence in ipairs(expired) do
    seq = seq + 1
    redis.call('HSET', KEYS[1], 'seq', seq)
    forget(fence.n, fence.s, fence.v, fence.l)
    announce(fence.b, fence.c, fence.m, fence.e)
  end
  if #expired > 0 then saveFences() end
end
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
local function datesOf(key, rawEpoch)
  local head = redis.pcall('GETRANGE', key, '0', '55')
  if #head ~= 56 then return 0, 0 end
  local format, mark, lease, entryEpoch, version = struct.unpack('>BBxxxxxxI8xxxxxxxxc16xxxxxxxxI8', head)
  if format ~= 1 or mark ~= 0x74 or entryEpoch ~= rawEpoch then return 0, 0 end
  return lease, version
end
local function judge(key, slotSeq, lease, entryEpoch, storedLease, bytes, at)
  if entryEpoch ~= epoch or lease > seq then return 4 end
  if isCovered(key, bytes, at) then return 2 end
  if slotSeq and tonumber(slotSeq) > lease then return 2 end
  if storedLease > lease then return 3 end
  return 1
end
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
`,
};

export const INVALIDATE_NAMES: LuaScript = {
  name: 'invalidate-names',
  keys: 3,
  variadic: true,
  sha1: '6a3e2aecea1d4ca47bed6def34e87119ada67b4c',
  source: `#!lua flags=allow-oom
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local partition = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'seq', 'fences', 'format')
if partition[5] and partition[5] ~= '1' then return {'FORMAT', partition[5]} end
local epoch, timeline, seq, fences = partition[1], partition[2], tonumber(partition[3]), partition[4]
local fenceEpoch = redis.call('HGET', KEYS[2], 'epoch')
local function startEpoch()
  epoch, timeline, seq, fences = ARGV[2], ARGV[1], 0, false
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  local begun = string.format('%.0f', now)
  redis.call('HSET', KEYS[1], 'format', 1, 'epoch', epoch, 'timeline', timeline, 'seq', 0, 'begun', begun)
  redis.call('HSET', KEYS[2], 'epoch', epoch)
end
if not epoch or not timeline or not seq or not partition[5] or fenceEpoch ~= epoch then
  startEpoch()
elseif timeline ~= ARGV[1] then
  return {'TIMELINE', timeline}
end
local function announce(command, channel, logEvents, event)
  local number = string.format('%.0f', seq)
  local stop = string.find(event, '\\n', 1, true)
  local logged = stop and string.sub(event, 1, stop - 1) or event
  local most = math.max(1, math.min(tonumber(logEvents), math.floor(16777216 / #logged)))
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', most, number .. '-0', 'e', logged)
  redis.call(command, channel, '1 ' .. epoch .. ' ' .. number .. ' ' .. event)
end
local function prune(limit)
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
local closed = {}
local function saveFences()
  if #closed == 0 then
    redis.call('HDEL', KEYS[1], 'fences')
  else
    redis.call('HSET', KEYS[1], 'fences', cjson.encode(closed))
  end
end
if fences then
  local expired = {}
  for _, fence in ipairs(cjson.decode(fences)) do
    if fence.u > now then closed[#closed + 1] = fence else expired[#expired + 1] = fence end
  end
  for _, fence in ipairs(expired) do
    seq = seq + 1
    redis.call('HSET', KEYS[1], 'seq', seq)
    forget(fence.n, fence.s, fence.v, fence.l)
    announce(fence.b, fence.c, fence.m, fence.e)
  end
  if #expired > 0 then saveFences() end
end
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
`,
};

export const READ_MEMBERS: LuaScript = {
  name: 'read-members',
  keys: 4,
  variadic: false,
  sha1: '9d3d798e6a7dc425a09c8f4b1d3c5f5ed85ce2b1',
  source: `#!lua flags=allow-oom
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local partition = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'seq', 'fences', 'format')
if partition[5] and partition[5] ~= '1' then return {'FORMAT', partition[5]} end
local epoch, timeline, seq, fences = partition[1], partition[2], tonumber(partition[3]), partition[4]
local fenceEpoch = redis.call('HGET', KEYS[2], 'epoch')
local function startEpoch()
  epoch, timeline, seq, fences = ARGV[2], ARGV[1], 0, false
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  local begun = string.format('%.0f', now)
  redis.call('HSET', KEYS[1], 'format', 1, 'epoch', epoch, 'timeline', timeline, 'seq', 0, 'begun', begun)
  redis.call('HSET', KEYS[2], 'epoch', epoch)
end
if not epoch or not timeline or not seq or not partition[5] or fenceEpoch ~= epoch then
  startEpoch()
elseif timeline ~= ARGV[1] then
  return {'TIMELINE', timeline}
end
redis.call('HSETNX', KEYS[4], 'begun', string.format('%.0f', now))
local listed = tonumber(redis.call('HGET', KEYS[4], 'begun'))
local begun = tonumber(redis.call('HGET', KEYS[1], 'begun') or now)
local reply = {'OK', now - math.max(begun, listed or now)}
local all = redis.call('HGETALL', KEYS[4])
for i = 1, #all, 2 do
  local memberEpoch, applied, seen, lease = string.match(all[i + 1], '^(%x*) (%d+) (%d+) (%d+)$')
  local silent = seen and now - tonumber(seen)
  if all[i] == 'begun' then
  elseif not seen or silent > 3600000 then
    redis.call('HDEL', KEYS[4], all[i])
  else
    reply[#reply + 1] = all[i]
    reply[#reply + 1] = memberEpoch == epoch and tonumber(applied) or -1
    reply[#reply + 1] = tonumber(lease)
    reply[#reply + 1] = silent
  end
end
return reply
`,
};

export const READ_TAIL: LuaScript = {
  name: 'read-tail',
  keys: 4,
  variadic: false,
  sha1: 'e010fd323a44d4c2e09537c305344d44bc043841',
  source: `#!lua flags=allow-oom
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local partition = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'seq', 'fences', 'format')
if partition[5] and partition[5] ~= '1' then return {'FORMAT', partition[5]} end
local epoch, timeline, seq, fences = partition[1], partition[2], tonumber(partition[3]), partition[4]
local fenceEpoch = redis.call('HGET', KEYS[2], 'epoch')
local function startEpoch()
  epoch, timeline, seq, fences = ARGV[2], ARGV[1], 0, false
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  local begun = string.format('%.0f', now)
  redis.call('HSET', KEYS[1], 'format', 1, 'epoch', epoch, 'timeline', timeline, 'seq', 0, 'begun', begun)
  redis.call('HSET', KEYS[2], 'epoch', epoch)
end
if not epoch or not timeline or not seq or not partition[5] or fenceEpoch ~= epoch then
  startEpoch()
elseif timeline ~= ARGV[1] then
  return {'TIMELINE', timeline}
end
local nowText = string.format('%.0f', now)
local layout = tonumber(ARGV[8])
if layout ~= 0 then
  local partitions, at = unpack(redis.call('HMGET', KEYS[1], 'partitions', 'partitionsAt'))
  local isOver = partitions and now - tonumber(at) > math.max(60000, 3 * tonumber(ARGV[7]))
  if partitions and not isOver and tonumber(partitions) ~= math.abs(layout) then
    return {'OK', epoch, seq, nowText, 0, 'LAYOUT', partitions}
  end
  if layout > 0 then
    if isOver then startEpoch() end
    redis.call('HSET', KEYS[1], 'partitions', layout, 'partitionsAt', nowText)
  end
end
local function announce(command, channel, logEvents, event)
  local number = string.format('%.0f', seq)
  local stop = string.find(event, '\\n', 1, true)
  local logged = stop and string.sub(event, 1, stop - 1) or event
  local most = math.max(1, math.min(tonumber(logEvents), math.floor(16777216 / #logged)))
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', most, number .. '-0', 'e', logged)
  redis.call(command, channel, '1 ' .. epoch .. ' ' .. number .. ' ' .. event)
end
local function prune(limit)
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
local closed = {}
local function saveFences()
  if #closed == 0 then
    redis.call('HDEL', KEYS[1], 'fences')
  else
    redis.call('HSET', KEYS[1], 'fences', cjson.encode(closed))
  end
end
if fences then
  local expired = {}
  for _, fence in ipairs(cjson.decode(fences)) do
    if fence.u > now then closed[#closed + 1] = fence else expired[#expired + 1] = fence end
  end
  for _, fence in ipairs(expired) do
    seq = seq + 1
    redis.call('HSET', KEYS[1], 'seq', seq)
    forget(fence.n, fence.s, fence.v, fence.l)
    announce(fence.b, fence.c, fence.m, fence.e)
  end
  if #expired > 0 then saveFences() end
end
if layout >= 0 then
  redis.call('HSETNX', KEYS[4], 'begun', nowText)
  redis.call('HSET', KEYS[4], ARGV[6], ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. nowText .. ' ' .. ARGV[7])
end
local agreed = redis.call('HMGET', KEYS[1], 'lease', 'leaseAt')
local conflict = 0
if agreed[1] and agreed[1] ~= ARGV[7] and now - tonumber(agreed[2]) <= 3 * tonumber(agreed[1]) then
  conflict = tonumber(agreed[1])
elseif layout >= 0 then
  redis.call('HSET', KEYS[1], 'lease', ARGV[7], 'leaseAt', nowText)
end
local reply = {'OK', epoch, seq, nowText, conflict}
local applied = tonumber(ARGV[4])
if ARGV[3] == epoch and applied <= seq then
  local first = string.format('%.0f', applied + 1)
  local entries = {}
  if applied < seq then
    entries = redis.call('XRANGE', KEYS[3], first .. '-0', '+', 'COUNT', ARGV[5])
  end
  local last = string.format('%.0f', applied + #entries)
  local isWhole = #entries > 0 and entries[#entries][1] == last .. '-0'
  if applied == seq or isWhole then
    reply[6], reply[7] = 'EVENTS', applied + 1
    for i = 1, #entries do reply[#reply + 1] = entries[i][2][2] end
    return reply
  end
end
reply[6] = 'SNAPSHOT'
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all do reply[#reply + 1] = all[i] end
if ARGV[9] == '1' then
  local slots = redis.call('HGETALL', KEYS[2])
  for i = 1, #slots do reply[#reply + 1] = slots[i] end
end
return reply
`,
};

export const RENEW_FENCE: LuaScript = {
  name: 'renew-fence',
  keys: 3,
  variadic: false,
  sha1: '8b59dda4f4ce41e88af5db99a59db92d7a5dc8da',
  source: `#!lua flags=allow-oom
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local partition = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'seq', 'fences', 'format')
if partition[5] and partition[5] ~= '1' then return {'FORMAT', partition[5]} end
local epoch, timeline, seq, fences = partition[1], partition[2], tonumber(partition[3]), partition[4]
local fenceEpoch = redis.call('HGET', KEYS[2], 'epoch')
local function startEpoch()
  epoch, timeline, seq, fences = ARGV[2], ARGV[1], 0, false
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  local begun = string.format('%.0f', now)
  redis.call('HSET', KEYS[1], 'format', 1, 'epoch', epoch, 'timeline', timeline, 'seq', 0, 'begun', begun)
  redis.call('HSET', KEYS[2], 'epoch', epoch)
end
if not epoch or not timeline or not seq or not partition[5] or fenceEpoch ~= epoch then
  startEpoch()
elseif timeline ~= ARGV[1] then
  return {'TIMELINE', timeline}
end
local function announce(command, channel, logEvents, event)
  local number = string.format('%.0f', seq)
  local stop = string.find(event, '\\n', 1, true)
  local logged = stop and string.sub(event, 1, stop - 1) or event
  local most = math.max(1, math.min(tonumber(logEvents), math.floor(16777216 / #logged)))
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', most, number .. '-0', 'e', logged)
  redis.call(command, channel, '1 ' .. epoch .. ' ' .. number .. ' ' .. event)
end
local function prune(limit)
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
local closed = {}
local function saveFences()
  if #closed == 0 then
    redis.call('HDEL', KEYS[1], 'fences')
  else
    redis.call('HSET', KEYS[1], 'fences', cjson.encode(closed))
  end
end
if fences then
  local expired = {}
  for _, fence in ipairs(cjson.decode(fences)) do
    if fence.u > now then closed[#closed + 1] = fence else expired[#expired + 1] = fence end
  end
  for _, fence in ipairs(expired) do
    seq = seq + 1
    redis.call('HSET', KEYS[1], 'seq', seq)
    forget(fence.n, fence.s, fence.v, fence.l)
    announce(fence.b, fence.c, fence.m, fence.e)
  end
  if #expired > 0 then saveFences() end
end
for _, fence in ipairs(closed) do
  if fence.i == ARGV[3] then
    fence.u = now + tonumber(ARGV[4])
    saveFences()
    return {'OK', 1}
  end
end
return {'OK', 0}
`,
};

export const SET_ENTRIES: LuaScript = {
  name: 'set-entries',
  keys: 3,
  variadic: true,
  sha1: 'a86208141d9a5689cf5cb5bec0bdc5f538734a38',
  source: `#!lua
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local partition = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'seq', 'fences', 'format')
if partition[5] and partition[5] ~= '1' then return {'FORMAT', partition[5]} end
local epoch, timeline, seq, fences = partition[1], partition[2], tonumber(partition[3]), partition[4]
local fenceEpoch = redis.call('HGET', KEYS[2], 'epoch')
local function startEpoch()
  epoch, timeline, seq, fences = ARGV[2], ARGV[1], 0, false
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  local begun = string.format('%.0f', now)
  redis.call('HSET', KEYS[1], 'format', 1, 'epoch', epoch, 'timeline', timeline, 'seq', 0, 'begun', begun)
  redis.call('HSET', KEYS[2], 'epoch', epoch)
end
if not epoch or not timeline or not seq or not partition[5] or fenceEpoch ~= epoch then
  startEpoch()
elseif timeline ~= ARGV[1] then
  return {'TIMELINE', timeline}
end
local function announce(command, channel, logEvents, event)
  local number = string.format('%.0f', seq)
  local stop = string.find(event, '\\n', 1, true)
  local logged = stop and string.sub(event, 1, stop - 1) or event
  local most = math.max(1, math.min(tonumber(logEvents), math.floor(16777216 / #logged)))
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', most, number .. '-0', 'e', logged)
  redis.call(command, channel, '1 ' .. epoch .. ' ' .. number .. ' ' .. event)
end
local function prune(limit)
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
local closed = {}
local function saveFences()
  if #closed == 0 then
    redis.call('HDEL', KEYS[1], 'fences')
  else
    redis.call('HSET', KEYS[1], 'fences', cjson.encode(closed))
  end
end
if fences then
  local expired = {}
  for _, fence in ipairs(cjson.decode(fences)) do
    if fence.u > now then closed[#closed + 1] = fence else expired[#expired + 1] = fence end
  end
  for _, fence in ipairs(expired) do
    seq = seq + 1
    redis.call('HSET', KEYS[1], 'seq', seq)
    forget(fence.n, fence.s, fence.v, fence.l)
    announce(fence.b, fence.c, fence.m, fence.e)
  end
  if #expired > 0 then saveFences() end
end
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
local function datesOf(key, rawEpoch)
  local head = redis.pcall('GETRANGE', key, '0', '55')
  if #head ~= 56 then return 0, 0 end
  local format, mark, lease, entryEpoch, version = struct.unpack('>BBxxxxxxI8xxxxxxxxc16xxxxxxxxI8', head)
  if format ~= 1 or mark ~= 0x74 or entryEpoch ~= rawEpoch then return 0, 0 end
  return lease, version
end
local function judge(key, slotSeq, lease, entryEpoch, storedLease, bytes, at)
  if entryEpoch ~= epoch or lease > seq then return 4 end
  if isCovered(key, bytes, at) then return 2 end
  if slotSeq and tonumber(slotSeq) > lease then return 2 end
  if storedLease > lease then return 3 end
  return 1
end
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
local leases, slots, lives, sources, starts, ends = unpackEntries(9)
local areNewest = ARGV[7] == epoch
for i = 1, #leases do areNewest = areNewest and leases[i] == seq end
local slotSeqs = areNewest and {} or redis.call('HMGET', KEYS[2], unpack(slots))
local function judgeSet(i)
  local key, lease, source, start = KEYS[i + 3], leases[i], sources[i], starts[i]
  local version = struct.unpack('>I8', source, start + 48)
  if areNewest and version == 0 and #closed == 0 then return 1 end
  local storedLease, storedVersion = datesOf(key, ARGV[8])
  local isDated = version > 0 and storedVersion > 0 and ARGV[7] == epoch and lease <= seq
  if isDated and not isCovered(key, source, start + 56) then
    return version < storedVersion and 3 or 1
  end
  return judge(key, slotSeqs[i], lease, ARGV[7], storedLease, source, start + 56) == 1 and 1 or 2
end
local outcomes, isEvent = {}, false
for i = 1, #slots do
  outcomes[i] = judgeSet(i)
  isEvent = isEvent or outcomes[i] ~= 3
end
if not isEvent then return {'OK', epoch, seq, table.concat(outcomes)} end
seq = seq + 1
local number, own, closing = string.format('%.0f', seq), struct.pack('>I8', seq), {}
redis.call('HSET', KEYS[1], 'seq', number)
for i = 1, #slots do
  local key, source, start = KEYS[i + 3], sources[i], starts[i]
  if outcomes[i] == 1 and isWhole(start) then
    store(key, source, lives[i])
    redis.call('SETRANGE', key, '16', own)
  elseif outcomes[i] == 1 and areNewest then
    store(key, string.sub(source, start, ends[i]), lives[i])
  elseif outcomes[i] == 1 then
    store(key, string.sub(source, start, start + 15) .. own .. string.sub(source, start + 24, ends[i]), lives[i])
  elseif outcomes[i] == 2 then
    redis.call('UNLINK', key)
  end
  closing[2 * i - 1] = slots[i]
  closing[2 * i] = number
end
redis.call('HSET', KEYS[2], unpack(closing))
announce(ARGV[3], ARGV[4], ARGV[6], ARGV[5])
return {'OK', epoch, seq, table.concat(outcomes)}
`,
};
