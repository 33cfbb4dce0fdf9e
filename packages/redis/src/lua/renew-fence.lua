#!lua flags=allow-oom
-- keys: 3
-- Gives a closed fence another life from now on.
--
-- KEYS[1] meta   KEYS[2] fence   KEYS[3] log
-- ARGV[1] timeline   ARGV[2] epoch to start if needed   ARGV[3] id of the fence   ARGV[4] its life in ms
-- Returns {'OK', 1}, {'OK', 0} when the fence is not there any more, or {'TIMELINE', timeline of the state}.
--
-- One step, so that a fence that ran out is not brought back. All keys are of one slot.
-- include: shared/open-partition.lua
-- include: shared/announce-event.lua
-- include: shared/forget-names.lua
-- include: shared/lift-expired.lua

for _, fence in ipairs(closed) do
  if fence.i == ARGV[3] then
    fence.u = now + tonumber(ARGV[4])
    saveFences()
    return {'OK', 1}
  end
end
return {'OK', 0}
