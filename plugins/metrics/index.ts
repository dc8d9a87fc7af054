/**
 * What an app does, in numbers: every signal of every plugin as Prometheus text, each request counted when its raw reply
 * closes, an analysis by route every few minutes, the last requests with the reasons of what was decided. Works alone in
 * any Fastify 5 app:
 *
 *     await app.register(metrics)
 *     app.get('/metrics', async (_request, reply) => reply.type(CONTENT_TYPE).send(await app.metrics.text()))
 *
 * Register it first, so that its clock starts before the other plugins' work.
 */
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { contractOf, type ExchangeEntry, exchangesOf, resolveOptions } from '../contract/index.ts'
import { Observer } from './observer.ts'
import { type MetricsFunctions, type MetricsOptions, metricsOptionsSchema } from './options.ts'
import { withoutQuery } from './sink/entries.ts'
import { RedisSink } from './sink/redis-sink.ts'

export { analyse, type RouteAnalysis, type Spread, type Trend } from './analysis/analysis.ts'
export { MAX_ANALYSES } from './analysis/history.ts'
export { CONTENT_TYPE, PREFIX } from './exposition/prometheus.ts'
export {
  addCell,
  HOUR_MS,
  type HourBook,
  type HourCell,
  mergeBooks,
  sumCounts,
} from './hours/cell.ts'
export { MAX_HOURS } from './hours/hours.ts'
export { type LiveSample, MAX_LISTENERS, MAX_SAMPLES } from './live/live.ts'
export { type MetricsFunctions, type MetricsOptions, metricsOptionsSchema } from './options.ts'
export { MAX_RECENT, type RecentRequest } from './recent/recent.ts'
export { NO_ROUTE } from './requests/record.ts'
export { withoutQuery } from './sink/entries.ts'
export { cacheShare, Tally, type Verdict, verdictOf } from './window/tally.ts'
export { Observer }

declare module 'fastify' {
  interface FastifyInstance {
    metrics: Observer
  }
}

/** Length of a sample of the live numbers. */
const SECOND_MS = 1000

const plugin: FastifyPluginAsync<Partial<MetricsOptions> & MetricsFunctions> = async (app, options) => {
  const { facts, beforeRead = () => {}, totals = () => ({}), routeOf, urlOf, ...given } = options
  const resolved = resolveOptions('metrics', metricsOptionsSchema, given)
  const contract = contractOf(app)
  const exchanges = exchangesOf(app)
  const { signals } = contract
  const { redis } = resolved
  const sink = redis === undefined ? null : new RedisSink({ url: redis.url, signals, urlOf: urlOf ?? pathOnly })
  const observer = new Observer({
    ...{ contract, exchanges, beforeRead, totals, sink, options: resolved },
    warn: problem => app.log.warn(problem),
    routeOf: routeOf ?? (({ routeOptions }) => routeOptions.url ?? null),
  })
  const failed = signals.counter('metrics_failed_total', 'Requests that could not be counted.').with()
  if (facts !== undefined) exchanges.readFacts(facts)
  exchanges.listen({
    wants: () => true,
    ended: (entry, noted) => observer.ended(entry, noted),
    failed: () => failed.add(1),
  })
  app.decorate('metrics', observer)
  const timers = [
    setInterval(() => observer.live.tick(Date.now()), SECOND_MS),
    setInterval(() => observer.analyseAndKeep(), resolved.intervalMs),
  ]
  for (const timer of timers) timer.unref()
  app.addHook('onClose', async () => {
    for (const timer of timers) clearInterval(timer)
    observer.close()
    await sink?.close()
  })
}

const pathOnly = ({ url }: ExchangeEntry): string => withoutQuery(url)

/** `app.metrics`. */
export const metrics = fp(plugin, { name: 'hearthgate-metrics', fastify: '5.x' })
export default metrics
