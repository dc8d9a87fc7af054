/**
 * The gateway's own numbers beside those that its clients and its origin counted for themselves. Pure but for the run itself.
 */
import { gatewayProcess } from '../support/gateway-process.ts'
import { CountingOrigin, type OriginCount } from './origin.ts'
import { type ClientCount, kinds, Visitors } from './visitors.ts'

export interface Comparison {
  readonly what: string
  readonly counted: unknown
  readonly told: unknown
}

interface Teardown {
  teardown(fn: () => unknown): void
}

/** Clients at once. */
const AT_ONCE = 32
const routes = [...new Set(kinds.map(({ route }) => route))]

export async function compareCounters(t: Teardown, total: number): Promise<Comparison[]> {
  const origin = new CountingOrigin()
  const url = await origin.open()
  t.teardown(() => origin.close())
  const gateway = await gatewayProcess(t, yamlFor(url))
  const visitors = new Visitors(gateway.port, origin)
  await visitors.visit(total, AT_ONCE)
  const samples = await settled(gateway.admin)
  return routes.flatMap(route => compareRoute(route, samples, visitors.counts[route], origin.counts[route]))
}

function yamlFor(url: string): string {
  const all = routes.map(name => {
    const what = name === 'closed' ? 'deny: true' : `upstream: "${url}"`
    return `  - { name: ${name}, match: { path: /${name} }, ${what} }`
  })
  return `
listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
log: { level: error, access: none }
defaults: { admission: { max_concurrency: none } }
routes:
${all.join('\n')}
`
}

export type Samples = readonly {
  readonly name: string
  readonly labels: Record<string, string>
  readonly value: number
}[]

export function readSamples(text: string): Samples {
  return text.split('\n').flatMap(line => {
    const [, name, labels = '', value] = /^(hearthgate_\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined) return []
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', text = '']) => [key, text])
    return [{ name: name.slice('hearthgate_'.length), labels: Object.fromEntries(pairs), value: Number(value) }]
  })
}

/** A client that has left is told a moment later. */
async function settled(admin: string): Promise<Samples> {
  for (let look = 0; look < 200; look++) {
    const samples = readSamples(await (await fetch(`${admin}/metrics`)).text())
    const running = samples.filter(({ name }) => /^(?:requests_in_flight|upstream_requests_in_flight)$/.test(name))
    if (running.every(({ value }) => value === 0)) return samples
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error('requests are told to run that nobody waits for')
}

const nothingAsked: OriginCount = { requests: 0, bytesIn: 0, answers: {} }

function compareRoute(
  route: string,
  samples: Samples,
  client: ClientCount | undefined,
  origin: OriginCount = nothingAsked,
): Comparison[] {
  if (client === undefined) throw new Error(`nobody asked for ${route}`)
  const sum = (name: string, wanted: Record<string, string> = {}) => total(samples, name, { route, ...wanted })
  const atOrigin = (name: string) => total(samples, name, { upstream: route })
  const pair = (what: string, counted: unknown, told: unknown) => ({ what: `${route}: ${what}`, counted, told })
  const isWhole = client.left === 0 && client.cut === 0
  return [
    pair('requests', client.requests, sum('requests_total')),
    pair('requests in the histogram', client.requests, sum('request_duration_seconds_count')),
    ...Object.entries(client.statuses)
      .filter(([status]) => status !== 'none')
      .map(([status, count]) =>
        pair(
          `answers ${status}`,
          count,
          sum('requests_total', { status_class: status }) - (status === '4xx' ? unanswered(client) : 0),
        ),
      ),
    pair('clients that left', client.left, sum('request_outcomes_total', { reason: 'client_left' })),
    pair('answers that broke off', client.cut, sum('request_outcomes_total', { reason: 'origin_cut' })),
    ...(isWhole ? [pair('bytes to clients', client.bytesIn, sum('response_body_bytes_total'))] : []),
    ...(isWhole && route !== 'closed'
      ? [pair('bytes from clients', client.bytesOut, sum('request_body_bytes_total'))]
      : []),
    pair('bytes to the origin', origin.bytesIn, route === 'closed' ? 0 : sum('request_body_bytes_total')),
    pair('requests at the origin', origin.requests, atOrigin('upstream_attempts_total')),
    pair('attempts', origin.requests, sum('request_attempts_total')),
    pair('answers of the origin', origin.answers, answersOf(samples, route)),
    ...(route === 'kept' ? cachePairs(client, origin, sum) : []),
  ]
}

/** 499 is told of clients that left before a head. */
const unanswered = ({ statuses }: ClientCount): number => statuses['none'] ?? 0

function cachePairs(
  client: ClientCount,
  origin: OriginCount,
  sum: (name: string, wanted?: Record<string, string>) => number,
) {
  const spared = ['hit', 'coalesced', 'stale'].map(outcome => sum('cache_requests_total', { outcome }))
  return [
    { what: 'kept: requests of the cache', counted: client.requests, told: sum('cache_requests_total') },
    {
      what: 'kept: requests that no origin had to answer',
      counted: client.requests - origin.requests,
      told: spared.reduce((a, b) => a + b, 0),
    },
  ]
}

function total(samples: Samples, wantedName: string, wanted: Record<string, string>): number {
  const meant = samples.filter(
    ({ name, labels }) => name === wantedName && Object.entries(wanted).every(([key, value]) => labels[key] === value),
  )
  return meant.reduce((sum, { value }) => sum + value, 0)
}

function answersOf(samples: Samples, upstream: string): Record<string, number> {
  const told = samples.filter(
    ({ name, labels }) => name === 'upstream_answers_total' && labels['upstream'] === upstream,
  )
  return Object.fromEntries(
    told.filter(({ value }) => value > 0).map(({ labels, value }) => [labels['reason'] ?? '', value]),
  )
}
