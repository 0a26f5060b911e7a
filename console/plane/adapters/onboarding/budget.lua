#!lua name=console
-- What a gateway asks of Redis before it uses the semantic cache or spends, and how the console switches either off.
--
-- A switch is a field of the hash "switch:TARGET": "STATE GENERATION ID". A field that is missing was lost, and whoever
-- asks is refused: only "running" lets anything through. A tenant's hash names its environment, which is asked as well.
-- Budgets follow console/domain/budgets.py: reserve, then settle; what is reserved counts in full; never over a cap.
-- Times are this server's; amounts are whole numbers below 10^12, money in micro-USD.

local CACHE, BUDGET = 'FF_CACHE_BYPASS', 'FF_TOKEN_BUDGET'
local MEASURES = { 'turns', 'input_tokens', 'writes', 'micro_usd' }
local MONEY = 4
local MOST_STEPS = 1000
local LONGEST_CACHED_S = 86400
local ACCOUNT_KEPT_S = 30 * 86400

local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function whole(text)
  return string.format('%.0f', text)
end

-- An id as the inventory and the callers make them; anything else never becomes a part of a key.
local function id(text)
  if type(text) ~= 'string' or #text > 100 or not string.find(text, '^[%w._-]+$') then
    error({ err = 'MALFORMED an id must be up to 100 letters, digits, dots, dashes and underscores' })
  end
  return text
end

local function amount(text, digits)
  if type(text) ~= 'string' or #text > (digits or 12) or not string.find(text, '^%d+$') then
    error({ err = 'MALFORMED an amount must be a whole number below 10^12' })
  end
  return tonumber(text)
end

local function guarded(work)
  return function(keys, args)
    local well, result = pcall(work, args)
    if not well and type(result) ~= 'table' then
      return redis.error_reply('FAILED ' .. string.sub(tostring(result), 1, 200))
    end
    return result
  end
end

local function held(target, switch)
  local text = redis.call('HGET', 'switch:' .. target, switch)
  local state, generation, by = string.match(text or '', '^(%a+) (%d+) ([%w._-]+)$')
  if state ~= 'running' and state ~= 'stopped' then
    return 'lost', 0, '-'
  end
  return state, tonumber(generation), by
end

-- Every one of `targets` at which `switch` lets nothing through, or nil when it is running at each.
local function refusal(switch, targets)
  local answer = { 'refused' }
  for _, target in ipairs(targets) do
    local state, generation, by = held(target, switch)
    if state ~= 'running' then
      for _, word in ipairs({ switch, target, whole(generation), by }) do
        answer[#answer + 1] = word
      end
    end
  end
  return #answer > 1 and answer or nil
end

-- SWITCH TARGET WANT GENERATION ID EXPIRES_US: compared and set in one step, and the cache of the target purged.
local function switch_set(args)
  local switch, target, want, by = id(args[1]), id(args[2]), args[3], id(args[5])
  local generation, expires = amount(args[4], 15), amount(args[6], 16)
  if want ~= 'stopped' and want ~= 'running' then
    error({ err = 'MALFORMED a switch is stopped or running' })
  end
  local state, newest, last_by = held(target, switch)
  if state == want and newest == generation and last_by == by then
    return { 'applied', state, whole(newest) }
  end
  if generation <= newest then
    return { 'stale', state, whole(newest) }
  end
  if expires <= now_us() then
    return { 'expired', state, whole(newest) }
  end
  -- one write and not two: a transaction in the append-only file is dropped where its user may not repeat it
  local key = 'switch:' .. target
  local purged = tonumber(redis.call('HGET', key, 'purged') or '0')
  if switch == CACHE and want == 'stopped' then
    purged = purged + 1
  end
  redis.call('HSET', key, switch, want .. ' ' .. whole(generation) .. ' ' .. by, 'purged', whole(purged))
  return { 'applied', want, whole(generation) }
end

local function environment_of(tenant)
  return redis.call('HGET', 'switch:' .. tenant, 'environment') or 'environment.lost'
end

local function purges(tenant, environment)
  local of_all = redis.call('HGET', 'switch:' .. environment, 'purged') or '0'
  return of_all .. '.' .. (redis.call('HGET', 'switch:' .. tenant, 'purged') or '0')
end

-- TENANT DIGEST: {"hit", generation, value}, {"miss", generation} or {"refused", ...}.
local function cache_look_up(args)
  local tenant, digest = id(args[1]), id(args[2])
  local environment = environment_of(tenant)
  local refused = refusal(CACHE, { tenant, environment })
  if refused then
    return refused
  end
  local generation = purges(tenant, environment)
  local value = redis.call('GET', 'cache:' .. tenant .. ':' .. generation .. ':' .. digest)
  return value and { 'hit', generation, value } or { 'miss', generation }
end

-- TENANT DIGEST GENERATION SECONDS VALUE: kept only when nothing was purged since the look-up of that generation.
local function cache_put(args)
  local tenant, digest, seconds = id(args[1]), id(args[2]), amount(args[4])
  local environment = environment_of(tenant)
  local refused = refusal(CACHE, { tenant, environment })
  if refused then
    return refused
  end
  local generation = purges(tenant, environment)
  if generation ~= args[3] then
    return { 'purged', generation }
  end
  local lasts = math.max(1, math.min(seconds, LONGEST_CACHED_S))
  redis.call('SET', 'cache:' .. tenant .. ':' .. generation .. ':' .. digest, args[5], 'EX', whole(lasts))
  return { 'kept', generation }
end

local function account(tenant, workflow)
  return 'budget:' .. tenant .. ':' .. workflow
end

local function cost(args, from)
  local found = {}
  for at = 1, #MEASURES do
    found[at] = amount(args[from + at - 1])
  end
  return found
end

-- A step as it is kept: "SESSION KIND EXPIRES_US TURNS INPUT_TOKENS WRITES MICRO_USD", kind R(eserved) or S(ettled).
local function as_text(session, kind, expires, amounts)
  local words = { session, kind, whole(expires) }
  for _, one in ipairs(amounts) do
    words[#words + 1] = whole(one)
  end
  return table.concat(words, ' ')
end

local function parsed(text)
  local words = {}
  for word in string.gmatch(text, '%S+') do
    words[#words + 1] = word
  end
  return { session = words[1], kind = words[2], expires = tonumber(words[3]), cost = cost(words, 4) }
end

-- What is left to `session` of every measure, without the step `but`, and how many steps the workflow has.
local function left(key, session, now, but)
  local rest, steps = {}, 0
  local caps = redis.call('HMGET', 'caps', unpack(MEASURES))
  for at = 1, #MEASURES do
    rest[at] = tonumber(caps[at] or '0') or 0
  end
  local all = redis.call('HGETALL', key)
  for at = 1, #all, 2 do
    local step = parsed(all[at + 1])
    steps = steps + 1
    if all[at] ~= but and (step.kind == 'S' or step.expires > now) then
      for measure = 1, #MEASURES do
        if measure == MONEY or step.session == session then
          rest[measure] = rest[measure] - step.cost[measure]
        end
      end
    end
  end
  return rest, steps
end

local function short_of(rest, wanted)
  for at = 1, #MEASURES do
    local there = math.max(0, rest[at])
    if wanted[at] > there then
      return { 'over', MEASURES[at], whole(there) }
    end
  end
  return nil
end

local function same(one, other)
  return table.concat(one, ' ') == table.concat(other, ' ')
end

-- TENANT WORKFLOW SESSION STEP TURNS INPUT_TOKENS WRITES MICRO_USD SECONDS:
-- {"reserved", expires_us}, {"over", measure, left} or {"refused", ...}.
local function budget_reserve(args)
  local tenant, workflow, session, name = id(args[1]), id(args[2]), id(args[3]), id(args[4])
  local wanted, lasts, now = cost(args, 5), amount(args[9], 5), now_us()
  local refused = refusal(BUDGET, { tenant })
  if refused then
    return refused
  end
  local key = account(tenant, workflow)
  local text = redis.call('HGET', key, name)
  if text then
    local step = parsed(text)
    if step.kind == 'R' and step.session == session and step.expires > now and same(step.cost, wanted) then
      return { 'reserved', whole(step.expires) }
    end
    return { 'over', 'reservation', '0' }
  end
  local rest, steps = left(key, session, now)
  if steps >= MOST_STEPS then
    return { 'over', 'reservation', '0' }
  end
  local short = short_of(rest, wanted)
  if short then
    return short
  end
  local expires = now + lasts * 1000000
  redis.call('HSET', key, name, as_text(session, 'R', expires, wanted))
  redis.call('EXPIRE', key, ACCOUNT_KEPT_S)
  return { 'reserved', whole(expires) }
end

-- TENANT WORKFLOW STEP TURNS INPUT_TOKENS WRITES MICRO_USD: {"settled"} or {"over", measure, left}.
-- It is taken while the switch is stopped too: what was spent is true.
local function budget_settle(args)
  local key, name, actual = account(id(args[1]), id(args[2])), id(args[3]), cost(args, 4)
  local text = redis.call('HGET', key, name)
  if not text then
    return { 'over', 'reservation', '0' }
  end
  local step = parsed(text)
  if step.kind == 'S' then
    return same(step.cost, actual) and { 'settled' } or { 'over', 'reservation', '0' }
  end
  local rest = left(key, step.session, now_us(), name)
  local short = short_of(rest, actual)
  if short then
    return short
  end
  redis.call('HSET', key, name, as_text(step.session, 'S', 0, actual))
  return { 'settled' }
end

-- TENANT WORKFLOW STEP: gives back what was reserved; what is settled stays.
local function budget_release(args)
  local key, name = account(id(args[1]), id(args[2])), id(args[3])
  local text = redis.call('HGET', key, name)
  if text and parsed(text).kind == 'R' then
    redis.call('HDEL', key, name)
  end
  return { 'released' }
end

-- TENANT WORKFLOW SESSION: {"left", turns, input_tokens, writes, micro_usd} or {"refused", ...}.
local function budget_left(args)
  local tenant, workflow, session = id(args[1]), id(args[2]), id(args[3])
  local refused = refusal(BUDGET, { tenant })
  if refused then
    return refused
  end
  local answer = { 'left' }
  for _, rest in ipairs((left(account(tenant, workflow), session, now_us()))) do
    answer[#answer + 1] = whole(math.max(0, rest))
  end
  return answer
end

-- A stop must get through where memory is short too.
redis.register_function({ function_name = 'switch_set', callback = guarded(switch_set), flags = { 'allow-oom' } })
redis.register_function({ function_name = 'cache_look_up', callback = guarded(cache_look_up), flags = { 'no-writes' } })
redis.register_function('cache_put', guarded(cache_put))
redis.register_function('budget_reserve', guarded(budget_reserve))
redis.register_function('budget_settle', guarded(budget_settle))
redis.register_function('budget_release', guarded(budget_release))
redis.register_function({ function_name = 'budget_left', callback = guarded(budget_left), flags = { 'no-writes' } })
