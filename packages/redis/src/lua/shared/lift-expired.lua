-- Reads the closed fences and ends those past their life: whoever finds one writes its lift as an event. Each fence holds
-- all that takes, since the caller may know nothing of it:
--   i id   x 1 if exclusive   u end of its life, server ms   k keys   t tags   p prefixes (scoped names)
--   n entries   s their slots   P stored prefixes   v version fields   l versions kept
--   b PUBLISH or SPUBLISH   c channel   m events the log keeps   e text of the lift
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
