/**
 * One line a request, written when the raw reply closes: also for hijacked replies and for clients that leave, where
 * Fastify's onResponse does not run. Works alone in any Fastify 5 app:
 *
 *     await app.register(accessLog, { access: 'combined' })
 *
 * Register it first, so that its clock starts before the other plugins' work.
 */
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { contractOf, type ExchangeEntry, exchangesOf, resolveOptions } from '../contract/index.ts'
import { type BufferedDestination, type OnLost, openBuffered } from './destination.ts'
import { type AccessLogOptions, type AccessLogSettings, accessLogOptionsSchema } from './options.ts'
import { makeWriter } from './writer.ts'

export type {
  ExchangeEntry as AccessEntry,
  ExchangeFacts as AccessFacts,
  FactsOf,
  Outcome,
} from '../contract/index.ts'
export type { Destination } from './destination.ts'
export { type AccessLogOptions, type AccessLogSettings, accessLogOptionsSchema } from './options.ts'
export { HIDDEN, redactUrl } from './redact.ts'
export { type HeaderObject, redactField, redactHeaders } from './redact-headers.ts'
export { compileRedaction, type Redaction } from './redaction.ts'

declare module 'fastify' {
  interface FastifyInstance {
    accessLog: AccessLog
  }
}

/** For what is no request of Fastify: tunnels, and requests that were refused before it saw them. */
export interface AccessLog {
  /** Writes the entry's line, if the settings ask for it. Never throws. */
  write(entry: ExchangeEntry): void
}

const STDERR = 2
const accessLogPlugin: FastifyPluginAsync<AccessLogOptions> = async (app, options) => {
  const { facts, destination, settings: live, random = Math.random, ...fixed } = options
  const resolved: AccessLogSettings = resolveOptions('access-log', accessLogOptionsSchema, fixed)
  if (resolved.access === 'none' && live === undefined) {
    app.decorate('accessLog', { write: () => {} })
    return
  }
  const settings = live ?? (() => resolved)
  const lost = contractOf(app).signals.counter('access_log_lost_total', 'Lines that could not be written.', 'reason')
  const onLost: OnLost = reason => lost.with(reason).add(1)
  const write = makeWriter({ settings, destination: destination ?? openStderr(app, onLost), random, onLost })
  app.decorate('accessLog', { write })
  const exchanges = exchangesOf(app)
  if (facts !== undefined) exchanges.readFacts(facts)
  exchanges.listen({ wants: () => settings().access !== 'none', ended: write, failed: () => onLost('failed') })
}

function openStderr(app: FastifyInstance, onLost: OnLost): BufferedDestination {
  const stderr = openBuffered(STDERR, onLost)
  app.addHook('onClose', () => stderr.close())
  return stderr
}

/** `app.accessLog` and a line for every request. */
export const accessLog = fp(accessLogPlugin, { name: 'hearthgate-access-log', fastify: '5.x' })
