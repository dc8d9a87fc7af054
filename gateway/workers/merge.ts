/**
 * One answer of several workers' answers: counts are added, what is a state of the whole is taken from one, what is a
 * worst case from the worst. Pure.
 */
import type { CacheStats } from '../../plugins/cache/index.ts'
import type { GatewayStats, SignalLine } from '../admin/stats.ts'
import { combineGauges } from './worst-of.ts'

/** What the supervisor itself knows. */
interface SupervisorFacts {
  readonly uptimeSeconds: number
  /** Processes in the order of the answers. */
  readonly pids: readonly number[]
  readonly replaced: number
}

/** `all` is not empty. */
export function mergeStats(all: readonly GatewayStats[], supervisor: SupervisorFacts): GatewayStats {
  const total = (pick: (stats: GatewayStats) => number) => all.reduce((sum, stats) => sum + pick(stats), 0)
  return {
    ...(all[0] as GatewayStats),
    generation: Math.min(...all.map(({ generation }) => generation)),
    uptimeSeconds: supervisor.uptimeSeconds,
    memory: { rssBytes: total(({ memory }) => memory.rssBytes), heapBytes: total(({ memory }) => memory.heapBytes) },
    connections: total(({ connections }) => connections),
    tunnels: total(({ tunnels }) => tunnels),
    eventStreams: total(({ eventStreams }) => eventStreams),
    origins: mergeOrigins(all),
    workers: all.map(({ memory, connections }, i) => {
      return { pid: supervisor.pids[i] ?? 0, rssBytes: memory.rssBytes, connections }
    }),
    workersReplaced: supervisor.replaced,
    signals: mergeSignals(all),
  }
}

type Origin = GatewayStats['origins'][number]

function mergeOrigins(all: readonly GatewayStats[]): Origin[] {
  const byPlace = Map.groupBy(
    all.flatMap(({ origins }) => origins),
    ({ upstream, origin }) => `${upstream}\n${origin}`,
  )
  return [...byPlace.values()].map(seen => {
    const merged: Record<string, unknown> = { ...seen[0] }
    for (const other of seen.slice(1)) addInto(merged, other as unknown as Record<string, unknown>)
    return { ...(merged as unknown as Origin), isAvoided: seen.some(({ isAvoided }) => isAvoided) }
  })
}

/** Numbers are added; everything else stays that of the first. */
function addInto(into: Record<string, unknown>, other: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(other)) {
    const known = into[key]
    if (typeof value === 'number' && typeof known === 'number') into[key] = known + value
  }
}

function mergeSignals(all: readonly GatewayStats[]): Record<string, SignalLine[]> {
  const merged: Record<string, SignalLine[]> = {}
  for (const name of new Set(all.flatMap(({ signals }) => Object.keys(signals)))) {
    const lines = all.flatMap(({ signals }) => signals[name] ?? [])
    const byLabels = Map.groupBy(lines, ({ labels }) => JSON.stringify(labels))
    merged[name] = [...byLabels.values()].map(same => same.reduce((a, b) => addLines(name, a, b)))
  }
  return merged
}

function addLines(name: string, a: SignalLine, b: SignalLine): SignalLine {
  if (a.value !== undefined) {
    const other = b.value ?? 0
    return { ...a, value: combineGauges(name, a.value, other) }
  }
  return {
    ...a,
    count: (a.count ?? 0) + (b.count ?? 0),
    sum: (a.sum ?? 0) + (b.sum ?? 0),
    max: Math.max(a.max ?? 0, b.max ?? 0),
  }
}

/** A store in memory is each worker's own, every other is one for all of them. */
export function mergeCache(all: readonly CacheStats[]): CacheStats {
  const [first, ...others] = all as [CacheStats, ...CacheStats[]]
  const store: Record<string, unknown> = { ...first.store }
  const isShared = first.store.kind !== 'memory'
  for (const { store: other } of others) {
    const counted = isShared ? { ...other, entries: 0, bytes: 0, maxBytes: 0 } : other
    addInto(store, counted as unknown as Record<string, unknown>)
  }
  const total = (pick: (stats: CacheStats) => number) => all.reduce((sum, stats) => sum + pick(stats), 0)
  return {
    ...first,
    store: { ...(store as unknown as CacheStats['store']), available: all.every(stats => stats.store.available) },
    fills: total(({ fills }) => fills),
    waiters: total(({ waiters }) => waiters),
    outcomes: sumByName(all.map(({ outcomes }) => outcomes)),
    coded: {
      made: sumByName(all.map(({ coded }) => coded.made)),
      refused: sumByName(all.map(({ coded }) => coded.refused)),
      queued: total(({ coded }) => coded.queued),
      cpuMs: total(({ coded }) => coded.cpuMs),
      savedBytes: total(({ coded }) => coded.savedBytes),
    },
  }
}

function sumByName(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const counts of all) {
    for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count
  }
  return sums
}

/** What several workers removed, each from its own memory or all from one store. */
export function mergePurges(all: readonly { readonly removed: number; readonly complete: boolean }[]): {
  readonly removed: number
  readonly complete: boolean
} {
  return {
    removed: all.reduce((sum, { removed }) => sum + removed, 0),
    complete: all.every(({ complete }) => complete),
  }
}
