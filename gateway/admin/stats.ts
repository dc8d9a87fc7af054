/**
 * What the admin API tells in numbers: generation, process, listeners, origins and every signal.
 */
import { contractOf } from '../../plugins/contract/index.ts'
import type { OriginSnapshot } from '../../plugins/upstream/index.ts'
import type { RouteConfig } from '../config/types.ts'
import type { Serving } from '../serving.ts'
import type { AdminSources } from './sources.ts'

export interface GatewayStats {
  /** One more after each reload that was applied. */
  readonly generation: number
  readonly uptimeSeconds: number
  /** Addresses of the listeners with their real ports. */
  readonly listen: readonly string[]
  readonly memory: { readonly rssBytes: number; readonly heapBytes: number }
  readonly connections: number
  readonly tunnels: number
  readonly eventStreams: number
  readonly origins: readonly OriginSnapshot[]
  /** Where several processes serve (`workers`): each of them, the longest-serving first. */
  readonly workers?: readonly WorkerStats[]
  /** Workers that died and were replaced since the start. */
  readonly workersReplaced?: number
  /** Values by name, one entry a set of labels. */
  readonly signals: Readonly<Record<string, readonly SignalLine[]>>
}

export interface WorkerStats {
  readonly pid: number
  readonly rssBytes: number
  readonly connections: number
}

export interface SignalLine {
  readonly labels: Readonly<Record<string, string>>
  readonly value?: number
  readonly count?: number
  readonly sum?: number
  readonly max?: number
}

export function gatherStats({ app, generation, listeners }: AdminSources): GatewayStats {
  const { rss, heapUsed } = process.memoryUsage()
  return {
    generation: generation(),
    uptimeSeconds: Math.round(process.uptime()),
    listen: listeners().addresses.map(({ url }) => url),
    memory: { rssBytes: rss, heapBytes: heapUsed },
    connections: listeners().connections,
    tunnels: app.websocket.count,
    eventStreams: app.proxy.eventStreams.count,
    origins: [...app.upstream.snapshot()],
    signals: signalLines(app),
  }
}

function signalLines(app: AdminSources['app']): Record<string, SignalLine[]> {
  const { signals } = contractOf(app)
  const lines: Record<string, SignalLine[]> = {}
  for (const signal of signals.numbers()) {
    lines[signal.spec.name] = Array.from(signal.series(), ({ labels, point }) => ({
      labels: named(signal.spec.labels, labels),
      value: point.value,
    }))
  }
  for (const signal of signals.histograms()) {
    lines[signal.spec.name] = Array.from(signal.series(), ({ labels, point: { count, sum, max } }) => {
      return { labels: named(signal.spec.labels, labels), count, sum, max }
    })
  }
  return lines
}

function named(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']))
}

/** The routing table as configured, without certificates and tokens. */
export function listRoutes({ config }: Serving): unknown[] {
  return config.routes.map((route: RouteConfig) => ({
    name: route.name,
    match: route.match,
    deny: route.deny,
    upstream: route.upstream.map(({ url, weight }) => ({ url, weight })),
    rewritePath: route.rewritePath,
    limits: route.limits,
    connectionPools: route.connectionPools,
    fault: route.fault,
  }))
}
