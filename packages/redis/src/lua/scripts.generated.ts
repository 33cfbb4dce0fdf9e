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
  sha1: 'd619dd66a68faa022ab049f4e00397b6597b3d5c',
  source: `#!lua flags=allow-oom
local state = redis.call('HMGET', KEYS[1], 'epoch', 'timeline')
if state[2] ~= ARGV[1] then return {'OK', state[1] or ''} end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'timeline', ARGV[3], 'seq', 0)
redis.call('HSET', KEYS[2], 'epoch', ARGV[2])
return {'OK', ARGV[2]}
`,
};

export const FILL_ENTRIES: LuaScript = {
  name: 'fill-entries',
  keys: 3,
  variadic: true,
  sha1: '480b570c0797a45152a6f2eda5790329cf571ab9',
  source: `#!lua
local partition = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'seq')
local epoch, timeline, seq = partition[1], partition[2], tonumber(partition[3])
local fenceEpoch = redis.call('HGET', KEYS[2], 'epoch')
if not epoch or not timeline or not seq or fenceEpoch ~= epoch then
  epoch, timeline, seq = ARGV[2], ARGV[1], 0
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'timeline', timeline, 'seq', 0)
  redis.call('HSET', KEYS[2], 'epoch', epoch)
elseif timeline ~= ARGV[1] then
  return {'TIMELINE', timeline}
end
local function judge(key, fence, lease, entryEpoch, rawEpoch)
  if entryEpoch ~= epoch or lease > seq then return 4 end
  if fence and tonumber(fence) > lease then return 2 end
  local head = redis.pcall('GETRANGE', key, 0, 39)
  if #head == 40 and string.byte(head, 1) == 1 and string.byte(head, 2) == 0x74 and string.sub(head, 25, 40) == rawEpoch then
    if struct.unpack('>I8', head, 9) > lease then return 3 end
  end
  return 1
end
local slots = {}
for i = 4, #KEYS do slots[#slots + 1] = ARGV[5 + 4 * (i - 4)] end
local fences = redis.call('HMGET', KEYS[2], unpack(slots))
local reply = {'OK', epoch, seq}
for i = 4, #KEYS do
  local at = 5 + 4 * (i - 4)
  local outcome = judge(KEYS[i], fences[i - 3], tonumber(ARGV[at + 1]), ARGV[3], ARGV[4])
  reply[#reply + 1] = outcome
end
for i = 4, #KEYS do
  if reply[i] == 1 then
    local at = 5 + 4 * (i - 4)
    if ARGV[at + 2] == '0' then
      redis.call('SET', KEYS[i], ARGV[at + 3])
    else
      redis.call('SET', KEYS[i], ARGV[at + 3], 'PX', ARGV[at + 2])
    end
  end
end
return reply
`,
};

export const INVALIDATE_NAMES: LuaScript = {
  name: 'invalidate-names',
  keys: 3,
  variadic: true,
  sha1: '91045c45ded5540362d7f85ad5381174175838d6',
  source: `#!lua flags=allow-oom
local partition = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'seq')
local epoch, timeline, seq = partition[1], partition[2], tonumber(partition[3])
local fenceEpoch = redis.call('HGET', KEYS[2], 'epoch')
if not epoch or not timeline or not seq or fenceEpoch ~= epoch then
  epoch, timeline, seq = ARGV[2], ARGV[1], 0
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'timeline', timeline, 'seq', 0)
  redis.call('HSET', KEYS[2], 'epoch', epoch)
elseif timeline ~= ARGV[1] then
  return {'TIMELINE', timeline}
end
local function announce(command, channel, logEvents, event)
  local number = string.format('%.0f', seq)
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', logEvents, number .. '-0', 'e', event)
  redis.call(command, channel, '1 ' .. epoch .. ' ' .. number .. ' ' .. event)
end
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
`,
};

export const READ_TAIL: LuaScript = {
  name: 'read-tail',
  keys: 3,
  variadic: false,
  sha1: '2ddb4ceb21c4ff71b14007df806c8a4b3744ed0a',
  source: `#!lua flags=allow-oom
local partition = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'seq')
local epoch, timeline, seq = partition[1], partition[2], tonumber(partition[3])
local fenceEpoch = redis.call('HGET', KEYS[2], 'epoch')
if not epoch or not timeline or not seq or fenceEpoch ~= epoch then
  epoch, timeline, seq = ARGV[2], ARGV[1], 0
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'timeline', timeline, 'seq', 0)
  redis.call('HSET', KEYS[2], 'epoch', epoch)
elseif timeline ~= ARGV[1] then
  return {'TIMELINE', timeline}
end
local now = redis.call('TIME')
local reply = {'OK', epoch, seq, string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))}
local applied = tonumber(ARGV[4])
if ARGV[3] == epoch and applied <= seq then
  local first = string.format('%.0f', applied + 1)
  local entries = {}
  if applied < seq then
    entries = redis.call('XRANGE', KEYS[3], first .. '-0', '+', 'COUNT', ARGV[5])
  end
  if applied == seq or (entries[1] and entries[1][1] == first .. '-0') then
    reply[5], reply[6] = 'EVENTS', applied + 1
    for i = 1, #entries do reply[#reply + 1] = entries[i][2][2] end
    return reply
  end
end
reply[5] = 'SNAPSHOT'
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all do reply[#reply + 1] = all[i] end
return reply
`,
};

export const SET_ENTRIES: LuaScript = {
  name: 'set-entries',
  keys: 3,
  variadic: true,
  sha1: '0b4676fc862b51b5c93deda78ebd955d380d77e6',
  source: `#!lua
local partition = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'seq')
local epoch, timeline, seq = partition[1], partition[2], tonumber(partition[3])
local fenceEpoch = redis.call('HGET', KEYS[2], 'epoch')
if not epoch or not timeline or not seq or fenceEpoch ~= epoch then
  epoch, timeline, seq = ARGV[2], ARGV[1], 0
  redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'timeline', timeline, 'seq', 0)
  redis.call('HSET', KEYS[2], 'epoch', epoch)
elseif timeline ~= ARGV[1] then
  return {'TIMELINE', timeline}
end
local function announce(command, channel, logEvents, event)
  local number = string.format('%.0f', seq)
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', logEvents, number .. '-0', 'e', event)
  redis.call(command, channel, '1 ' .. epoch .. ' ' .. number .. ' ' .. event)
end
local function judge(key, fence, lease, entryEpoch, rawEpoch)
  if entryEpoch ~= epoch or lease > seq then return 4 end
  if fence and tonumber(fence) > lease then return 2 end
  local head = redis.pcall('GETRANGE', key, 0, 39)
  if #head == 40 and string.byte(head, 1) == 1 and string.byte(head, 2) == 0x74 and string.sub(head, 25, 40) == rawEpoch then
    if struct.unpack('>I8', head, 9) > lease then return 3 end
  end
  return 1
end
local slots = {}
for i = 4, #KEYS do slots[#slots + 1] = ARGV[9 + 5 * (i - 4)] end
local fences = redis.call('HMGET', KEYS[2], unpack(slots))
local isStored = {}
for i = 4, #KEYS do
  isStored[i] = judge(KEYS[i], fences[i - 3], tonumber(ARGV[10 + 5 * (i - 4)]), ARGV[7], ARGV[8]) == 1
end
seq = seq + 1
redis.call('HSET', KEYS[1], 'seq', seq)
local own = struct.pack('>I8', seq)
local closed = {}
local reply = {'OK', epoch, seq}
for i = 4, #KEYS do
  local at = 9 + 5 * (i - 4)
  if isStored[i] then
    local envelope = ARGV[at + 3] .. own .. ARGV[at + 4]
    if ARGV[at + 2] == '0' then
      redis.call('SET', KEYS[i], envelope)
    else
      redis.call('SET', KEYS[i], envelope, 'PX', ARGV[at + 2])
    end
  else
    redis.call('UNLINK', KEYS[i])
  end
  closed[#closed + 1] = ARGV[at]
  closed[#closed + 1] = seq
  reply[#reply + 1] = isStored[i] and 1 or 0
end
redis.call('HSET', KEYS[2], unpack(closed))
announce(ARGV[3], ARGV[4], ARGV[6], ARGV[5])
return reply
`,
};
