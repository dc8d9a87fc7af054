/**
 * `hearthgate stats`: what the running gateway does and what its cache holds.
 */
import type { CacheStats } from '../../plugins/cache/index.ts'
import type { GatewayStats } from '../admin/stats.ts'
import { withoutControls } from '../config/problem.ts'
import { type AdminArguments, AdminError, askAdmin, findAdmin, NOT_OURS } from './admin-client.ts'
import { formatTable, type Paint, painter } from './format.ts'
import type { CliIo } from './io.ts'

export interface StatsArguments extends AdminArguments {
  readonly json: boolean
}

/** Resolves to the exit code: 0, or 1 where no gateway could be asked. */
export async function runStats(args: StatsArguments, io: CliIo): Promise<number> {
  try {
    const address = await findAdmin(args, io)
    const [stats, cache] = await Promise.all([askAdmin(address, '/api/stats'), askAdmin(address, '/api/cache')])
    const answer = { ...(stats as GatewayStats), cache: cache as CacheStats }
    if (answer.origins === undefined || answer.cache.store === undefined) throw new AdminError(NOT_OURS)
    io.stdout.write(args.json ? `${JSON.stringify(answer, null, 2)}\n` : formatStats(answer, painter(io.color)))
    return 0
  } catch (error) {
    if (!(error instanceof AdminError)) throw error
    io.stderr.write(`hearthgate: ${withoutControls(error.message)}\n`)
    return 1
  }
}

type Stats = GatewayStats & { readonly cache: CacheStats }

/** The same for people; without control characters, as names come from files. */
export function formatStats(stats: Stats, paint: Paint): string {
  const outcomes = outcomeRows(stats)
  const blocks = [
    [`generation ${stats.generation}, up ${stats.uptimeSeconds} s, ${amount(stats.memory.rssBytes)}`],
    [`${stats.connections} connections, ${stats.tunnels} WebSockets, ${stats.eventStreams} event streams`, ''],
    table(['UPSTREAM', 'ORIGIN', 'STATE', 'IN FLIGHT', 'CONNECTIONS'], originRows(stats), paint),
    ['', ...storeLines(stats.cache)],
    outcomes.length === 0 ? [] : ['', ...table(['ROUTE', 'OUTCOME', 'REQUESTS'], outcomes, paint)],
  ]
  return `${blocks.flat().join('\n')}\n`
}

function originRows({ origins }: Stats): string[][] {
  return origins.map(({ upstream, origin, isAvoided, inFlight, open, idle }) => {
    const state = isAvoided ? 'left out' : 'healthy'
    return [upstream, origin, state, String(inFlight), `${open} (${idle} idle)`]
  })
}

function storeLines({ store, fills, waiters, coded }: CacheStats): string[] {
  const state = store.available ? '' : ', left alone after failures'
  return [
    withoutControls(`cache    ${store.kind}${state}: ${store.entries} answers, ${amount(store.bytes)}`),
    `store    ${store.hits} hits, ${store.misses} misses, ${store.stored} stored, ${store.evicted} evicted, ${store.purged} purged, ${store.failures} failures`,
    `origins  ${fills} fills under way, ${waiters} requests wait for them`,
    ...codedLines(coded),
  ]
}

/** Nothing where no answer was ever coded. */
function codedLines({ made, queued, cpuMs, savedBytes }: CacheStats['coded']): string[] {
  const forms = Object.entries(made).map(([coding, count]) => `${count} ${coding}`)
  if (forms.length === 0 && queued === 0) return []
  const cost = `${(cpuMs / 1000).toFixed(1)} s of CPU`
  return [`coded    ${forms.join(', ') || 'none yet'}, for ${cost}; ${queued} wait; saved ${amount(savedBytes)}`]
}

/** How often each thing became of a request, route by route. */
function outcomeRows({ signals }: Stats): string[][] {
  const lines = signals['cache_requests_total'] ?? []
  return lines.map(({ labels, value = 0 }) => [labels['route'] ?? '', labels['outcome'] ?? '', String(value)])
}

function table(heading: string[], rows: readonly string[][], paint: Paint): string[] {
  const [first = '', ...lines] = formatTable([heading, ...rows.map(row => row.map(withoutControls))])
  return [paint('bold', first), ...lines]
}

function amount(bytes: number): string {
  return bytes < 10 * 1_048_576 ? `${Math.ceil(bytes / 1024)} KiB` : `${Math.round(bytes / 1_048_576)} MiB`
}
