-- Appends an event to the log and tells all instances. Message order is log order, since both happen in one script.
-- Origins, which a line feed parts from the event, are told and not logged.
local function announce(command, channel, logEvents, event)
  local number = string.format('%.0f', seq)
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', logEvents, number .. '-0', 'e', string.match(event, '^[^\n]*'))
  redis.call(command, channel, '1 ' .. epoch .. ' ' .. number .. ' ' .. event)
end
