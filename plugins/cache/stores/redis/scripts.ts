/**
 * What has to happen in one step on the server. All keys of a shard carry the same hash tag, so that the scripts run in
 * a Cluster too and entries, index and accounting can never disagree.
 *
 * Keys of a shard, behind `base`: `k:HASH` variants of a key (hash: variant → record), `w:HASH` writers that are open
 * for a key (hash: generation → variant), `b:GENERATION:N` chunks of a body, `lru` and `exp` members by last use and by
 * end (sorted sets), `url` members in order of their address's hash, `meta` member → what purges compare with, `bytes`
 * sum of all, `seq` and `purges` the log of purges that name more than a key, `lock:HASH`.
 *
 * A member names an entry: `url.key.variant.generation.chunks.bytes`, the first three as hashes.
 * A record is `member\nstoredAtMs\njson`, a line of the log `number\nkind\nvalue`.
 *
 * A writer may commit while it is noted as open. A purge by key takes the note away, so that it costs no other writer
 * anything and leaves nothing behind; a note that Redis has lost refuses too.
 */

const PRELUDE = `
local base = ARGV[1]
local lru, exp, url, meta, total = base..'lru', base..'exp', base..'url', base..'meta', base..'bytes'
local function parts(m) return string.match(m, '^[^.]+%.([^.]+)%.([^.]+)%.([^.]+)%.(%d+)%.(%d+)$') end
local function memberOf(record) return string.match(record, '^[^\\n]+') end
local function drop(m)
  local k, v, g, n, b = parts(m)
  if not k then return 0 end
  local known = redis.call('ZREM', lru, m)
  redis.call('ZREM', exp, m)
  redis.call('ZREM', url, m)
  redis.call('HDEL', meta, m)
  if known == 1 then redis.call('DECRBY', total, b) end
  local record = redis.call('HGET', base..'k:'..k, v)
  if record and memberOf(record) == m then redis.call('HDEL', base..'k:'..k, v) end
  for i = 0, tonumber(n) - 1 do redis.call('UNLINK', base..'b:'..g..':'..i) end
  return known
end
local function keepUntil(key, at, now)
  if redis.call('PTTL', key) < at - now then redis.call('PEXPIREAT', key, at) end
end
`

/** base, hash of the key → records of the variants that the index knows. */
export const LOOKUP = `${PRELUDE}
local all, found = redis.call('HGETALL', base..'k:'..ARGV[2]), {}
for i = 2, #all, 2 do
  if redis.call('ZSCORE', lru, memberOf(all[i])) then found[#found + 1] = all[i] end
end
return found`

/**
 * base, hash of the key, hash of the variant, generation, most writers of a key, TTL of the note → number of the newest
 * purge in the log. Too many notes are those of processes that have died: all of them go.
 */
export const OPEN_WRITER = `
local base, writers = ARGV[1], ARGV[1]..'w:'..ARGV[2]
if redis.call('HLEN', writers) >= tonumber(ARGV[5]) then redis.call('UNLINK', writers) end
redis.call('HSET', writers, ARGV[4], ARGV[3])
redis.call('PEXPIRE', writers, ARGV[6])
return tonumber(redis.call('GET', base..'seq') or '0')`

/** As `isSelected` of purge-log.ts. A log that does not reach back to `known` names everything, and so do bad facts. */
const NAMED_SINCE = `
local function isNamed(facts, by, value)
  if by == 'all' then return true end
  if by == 'url' then return facts.url == value end
  if by == 'prefix' then return string.sub(facts.url, 1, #value) == value end
  if by == 'route' then return facts.route == value end
  for _, tag in ipairs(facts.tags) do if tag == value then return true end end
  return false
end
local function isNamedSince(known, encoded)
  local sequence = tonumber(redis.call('GET', base..'seq') or '0')
  if sequence == tonumber(known) then return false end
  local lines = redis.call('ZRANGEBYSCORE', base..'purges', '('..known, '+inf')
  if #lines ~= sequence - tonumber(known) then return true end
  local readable, facts = pcall(cjson.decode, encoded)
  if not readable then return true end
  for _, line in ipairs(lines) do
    local by, value = string.match(line, '^%d+\\n(%a+)\\n(.*)$')
    if not by or isNamed(facts, by, value) then return true end
  end
  return false
end
`

/**
 * base, member, record, meta, now, expires, max bytes, max variants, purge number that the writer knows, TTL of the
 * index → `{'stored', evicted}`, `{'purged'}` when a purge since has named it, `{'lost'}` when a chunk is gone.
 */
export const COMMIT = `${PRELUDE}${NAMED_SINCE}
local member, record, now, expires = ARGV[2], ARGV[3], tonumber(ARGV[5]), tonumber(ARGV[6])
local k, v, g, n, b = parts(member)
local set = base..'k:'..k
if redis.call('HDEL', base..'w:'..k, g) == 0 or isNamedSince(ARGV[9], ARGV[4]) then return {'purged'} end
for i = 0, tonumber(n) - 1 do
  if redis.call('PEXPIREAT', base..'b:'..g..':'..i, expires) == 0 then return {'lost'} end
end
local old = redis.call('HGET', set, v)
if old then drop(memberOf(old)) end
redis.call('HSET', set, v, record)
keepUntil(set, expires, now)
redis.call('ZADD', lru, now, member)
redis.call('ZADD', exp, expires, member)
redis.call('ZADD', url, 0, member)
redis.call('HSET', meta, member, ARGV[4])
redis.call('INCRBY', total, b)
for _, key in ipairs({lru, exp, url, meta, total}) do redis.call('PEXPIRE', key, ARGV[10]) end
local evicted = 0
while redis.call('HLEN', set) > tonumber(ARGV[8]) do
  local oldest, since
  for _, other in ipairs(redis.call('HVALS', set)) do
    local at = tonumber(string.match(other, '^[^\\n]+\\n(%d+)'))
    if not since or at < since then oldest, since = memberOf(other), at end
  end
  if drop(oldest) == 0 then break end
  evicted = evicted + 1
end
for _, m in ipairs(redis.call('ZRANGEBYSCORE', exp, '-inf', now, 'LIMIT', 0, 64)) do drop(m) end
for _ = 1, 256 do
  if tonumber(redis.call('GET', total)) <= tonumber(ARGV[7]) then break end
  local first = redis.call('ZRANGE', lru, 0, 0)[1]
  if not first or first == member then break end
  evicted = evicted + drop(first)
end
return {'stored', evicted}`

/** base, member, record, now, expires → 1, or 0 when that body is not there any more. */
export const UPDATE = `${PRELUDE}
local member, now, expires = ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local k, v, g, n = parts(member)
local set = base..'k:'..k
local old = redis.call('HGET', set, v)
if not old or memberOf(old) ~= member or not redis.call('ZSCORE', lru, member) then return 0 end
for i = 0, tonumber(n) - 1 do
  if redis.call('PEXPIREAT', base..'b:'..g..':'..i, expires) == 0 then
    drop(member)
    return 0
  end
end
redis.call('HSET', set, v, ARGV[3])
keepUntil(set, expires, now)
redis.call('ZADD', exp, expires, member)
return 1`

/**
 * base, kind, value, most purges kept, TTL of the index → number of the purge. Begins with what Redis allows when it has
 * no room: then it allows the rest, and a full server can be purged.
 */
export const REMEMBER_PURGE = `
local base = ARGV[1]
redis.call('ZREMRANGEBYRANK', base..'purges', 0, -tonumber(ARGV[4]))
local sequence = redis.call('INCR', base..'seq')
redis.call('ZADD', base..'purges', sequence, sequence..'\\n'..ARGV[2]..'\\n'..ARGV[3])
redis.call('PEXPIRE', base..'seq', ARGV[5])
redis.call('PEXPIRE', base..'purges', ARGV[5])
return sequence`

/** base, hash of the key, hash of the variant or empty → entries removed. Open writers of them may not commit any more. */
export const PURGE_KEY = `${PRELUDE}
local set, writers = base..'k:'..ARGV[2], base..'w:'..ARGV[2]
local function isMeant(variant) return ARGV[3] == '' or variant == ARGV[3] end
local open = redis.call('HGETALL', writers)
for i = 1, #open, 2 do if isMeant(open[i + 1]) then redis.call('HDEL', writers, open[i]) end end
local all, removed = redis.call('HGETALL', set), 0
for i = 1, #all, 2 do if isMeant(all[i]) then removed = removed + drop(memberOf(all[i + 1])) end end
return removed`

/** base, members → entries removed. */
export const DROP = `${PRELUDE}
local removed = 0
for i = 2, #ARGV do removed = removed + drop(ARGV[i]) end
return removed`

/** Key, token → 1 when the lock was still ours. */
export const UNLOCK = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`
