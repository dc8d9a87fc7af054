/**
 * The first page of the admin address: routes, origins and the cache at a glance, drawn on the server, no script, no outside
 * resource.
 */
import type { CacheStats } from '../../plugins/cache/index.ts'
import type { Serving } from '../serving.ts'
import type { GatewayStats } from './stats.ts'

export function overviewPage({ config }: Serving, stats: GatewayStats, cache: CacheStats): string {
  const routes = config.routes.map(route => [
    route.name,
    route.match.hosts.join(', '),
    route.match.path,
    route.deny ? 'denied' : route.upstream.map(({ url }) => url).join(', '),
    route.fault ?? 'serving',
  ])
  const origins = stats.origins.map(origin => [
    origin.upstream,
    origin.origin,
    origin.isAvoided ? 'left out after a failure' : 'healthy',
    String(origin.inFlight),
    `${origin.open} (${origin.idle} idle)`,
    String(origin.tunnels),
  ])
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hearthgate</title>
<style>${style}</style>
<h1>Hearthgate</h1>
<p>Configuration generation ${stats.generation}, up ${stats.uptimeSeconds} s, ${megabytes(stats.memory.rssBytes)} MiB,
${stats.connections} connections, ${stats.tunnels} WebSockets, ${stats.eventStreams} event streams.</p>
<h2>Routes</h2>
${table(['Route', 'Hosts', 'Path', 'Upstream', 'State'], routes)}
<h2>Origins</h2>
${table(['Upstream', 'Origin', 'State', 'In flight', 'Connections', 'Tunnels'], origins)}
<h2>Cache</h2>
${table(['Store', 'State', 'Entries', 'Size', 'Hits', 'Misses', 'Stored'], [cacheCells(cache)])}
<p><a href="/api/stats">stats</a> · <a href="/api/cache">cache</a> · <a href="/api/routes">routes</a> · <a href="/healthz">health</a></p>
</html>
`
}

function cacheCells({ store }: CacheStats): string[] {
  const numbers = [store.hits, store.misses, store.stored].map(String)
  const state = store.available ? 'available' : 'left alone after failures'
  return [store.kind, state, String(store.entries), amount(store.bytes), ...numbers]
}

const style = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 68rem; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { border-bottom: 1px solid #8884; padding: .35rem .6rem .35rem 0; text-align: left; vertical-align: top }
`

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map(cell => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`
  return `<div class="wide"><table>${line(head, 'th')}${rows.map(row => line(row, 'td')).join('')}</table></div>`
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1_048_576)
}

function amount(bytes: number): string {
  return bytes < 10 * 1_048_576 ? `${Math.ceil(bytes / 1024)} KiB` : `${megabytes(bytes)} MiB`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
