/**
 * The order of eviction in Redis: members that were used lately get the time of it, in batches.
 */
import type { Ask } from './purge.ts'

const TOUCH_BATCH = 500

/** What a use is noted under: where the keys of the shard begin, and the member. */
export function useName(base: string, member: string): string {
  return `${base}\n${member}`
}

/** Tells Redis about uses. Nobody waits for it. */
export function reportUses(ask: Ask, names: readonly string[], nowMs: number): void {
  const byBase = Map.groupBy(names, name => name.slice(0, name.indexOf('\n')))
  for (const [base, members] of byBase)
    for (let at = 0; at < members.length; at += TOUCH_BATCH) {
      const pairs = members.slice(at, at + TOUCH_BATCH).flatMap(name => [nowMs, name.slice(base.length + 1)])
      void ask(client => client.zadd(`${base}lru`, 'XX', ...pairs))
    }
}
