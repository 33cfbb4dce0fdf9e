#!lua flags=allow-oom
-- keys: 4
-- Tells what happened after `applied`: the events, or a snapshot when epoch or log no longer reach. Registers the member
-- that asks, and tells when a live one keeps to another lease.
--
-- KEYS[1] meta   KEYS[2] fence   KEYS[3] log   KEYS[4] members
-- ARGV[1] timeline   ARGV[2] epoch to start if needed
-- ARGV[3] epoch of the caller's view or ''   ARGV[4] applied   ARGV[5] most events in one answer
-- ARGV[6] member id   ARGV[7] its lease in ms
-- ARGV[8] partitions of its cache, negative to look only and be no member; 0 where there is no cluster
-- ARGV[9] 1 if a snapshot has to bring the fence slots
-- Returns {'OK', epoch, seq, server time in ms, conflicting lease in ms or 0, 'EVENTS', first seq, event text, ...}
--      or {'OK', epoch, seq, server time in ms, conflicting lease in ms or 0, 'SNAPSHOT', meta or fence field, value, ...}
--      or {'OK', epoch, seq, server time in ms, 0, 'LAYOUT', partitions of the live members}
--      or {'TIMELINE', timeline of the state}.
--
-- One step, so that sequence number and events belong together. All keys are of one slot.
-- include: shared/open-partition.lua

local nowText = string.format('%.0f', now)
-- A number of partitions holds for so long after the last member that confirmed it. What is older may be from a time
-- before another number, of which this partition need not have heard: nothing of it counts.
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
-- include: shared/announce-event.lua
-- include: shared/forget-names.lua
-- include: shared/lift-expired.lua

if layout >= 0 then
  redis.call('HSETNX', KEYS[4], 'begun', nowText)
  redis.call('HSET', KEYS[4], ARGV[6], ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. nowText .. ' ' .. ARGV[7])
end

-- An agreed lease holds for three times itself after the last member that confirmed it.
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
  -- Their numbers are told by their order, so a hole would misnumber all that follows it. They rise, and the range begins
  -- with `first`: with the right number at the end there is none.
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
