#!lua flags=allow-oom
-- keys: 4
-- Lists the registered members and forgets those silent for an hour.
--
-- KEYS[1] meta   KEYS[2] fence   KEYS[3] log   KEYS[4] members
-- ARGV[1] timeline   ARGV[2] epoch to start if needed
-- Returns {'OK', age of epoch or list in ms, whichever is younger, id, applied, lease in ms, silent for ms, ...}, applied -1
-- for a member that was in another epoch, or {'TIMELINE', timeline of the state}.
--
-- One step, so that age and members belong to one epoch. All keys are of one slot.
-- include: shared/open-partition.lua

redis.call('HSETNX', KEYS[4], 'begun', string.format('%.0f', now))
local listed = tonumber(redis.call('HGET', KEYS[4], 'begun'))
local begun = tonumber(redis.call('HGET', KEYS[1], 'begun') or now)
local reply = {'OK', now - math.max(begun, listed or now)}
local all = redis.call('HGETALL', KEYS[4])
for i = 1, #all, 2 do
  local memberEpoch, applied, seen, lease = string.match(all[i + 1], '^(%x*) (%d+) (%d+) (%d+)$')
  local silent = seen and now - tonumber(seen)
  if all[i] == 'begun' then
    -- Since when members are listed.
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
