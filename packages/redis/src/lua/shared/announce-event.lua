-- Appends an event to the log and tells all instances. Message order is log order, since both happen in one script.
-- Origins, which a line feed parts from the event, are told and not logged. Large events leave room for fewer: were all as
-- large as this one, they would take 16 MiB.
local function announce(command, channel, logEvents, event)
  local number = string.format('%.0f', seq)
  local stop = string.find(event, '\n', 1, true)
  local logged = stop and string.sub(event, 1, stop - 1) or event
  local most = math.max(1, math.min(tonumber(logEvents), math.floor(16777216 / #logged)))
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', most, number .. '-0', 'e', logged)
  redis.call(command, channel, '1 ' .. epoch .. ' ' .. number .. ' ' .. event)
end
