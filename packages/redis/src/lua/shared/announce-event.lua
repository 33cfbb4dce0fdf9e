-- Appends an event to the log and tells all instances. Message order is log order, since both happen in one script.
local function announce(command, channel, logEvents, event)
  local number = string.format('%.0f', seq)
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', logEvents, number .. '-0', 'e', event)
  redis.call(command, channel, '1 ' .. epoch .. ' ' .. number .. ' ' .. event)
end
