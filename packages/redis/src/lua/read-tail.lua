#!lua flags=allow-oom
-- keys: 3
-- Tells what happened after `applied`: the events, or a snapshot when epoch or log no longer reach.
--
-- KEYS[1] meta   KEYS[2] fence   KEYS[3] log
-- ARGV[1] timeline   ARGV[2] epoch to start if needed
-- ARGV[3] epoch of the caller's view or ''   ARGV[4] applied   ARGV[5] most events in one answer
-- Returns {'OK', epoch, seq, server time in ms, 'EVENTS', first seq, event text, ...}
--      or {'OK', epoch, seq, server time in ms, 'SNAPSHOT', meta field, value, ...}
--      or {'TIMELINE', timeline of the state}.
--
-- One step, so that sequence number and events belong together. All keys are of one slot.
-- include: shared/open-partition.lua

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
