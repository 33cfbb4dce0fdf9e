#!lua flags=allow-oom
-- keys: 3
-- Starts an epoch because the state comes from another history than the server's: an older file, a lagging replica.
-- Does so only once: whoever comes second finds the timeline changed already.
--
-- KEYS[1] meta   KEYS[2] fence   KEYS[3] log
-- ARGV[1] timeline of the state, as another script told it   ARGV[2] epoch to start   ARGV[3] timeline of the server
-- Returns {'OK', epoch} or {'FORMAT', format of the state}.
local state = redis.call('HMGET', KEYS[1], 'epoch', 'timeline', 'format')
if state[3] and state[3] ~= '1' then return {'FORMAT', state[3]} end
if state[2] ~= ARGV[1] then return {'OK', state[1] or ''} end
local now = redis.call('TIME')
local begun = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 'format', 1, 'epoch', ARGV[2], 'timeline', ARGV[3], 'seq', 0, 'begun', begun)
redis.call('HSET', KEYS[2], 'epoch', ARGV[2])
return {'OK', ARGV[2]}
