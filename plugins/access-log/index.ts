/**
 * One line a request, written when the raw reply closes: also for hijacked replies and for clients that leave, where
 * Fastify's onResponse does not run. Works alone in any Fastify 5 app:
 *
 *     await app.register(accessLog, { access: 'combined' })
 *
 * Register it first, so that its clock starts before the other plugins' work.
 */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import { contractOf, resolveOptions } from '../contract/index.ts'
import { type BufferedDestination, type OnLost, openBuffered } from './destination.ts'
import { closeExchange, openExchange } from './exchange.ts'
import type { AccessEntry, Exchange, FactsOf } from './facts.ts'
import { type AccessLogOptions, type AccessLogSettings, accessLogOptionsSchema } from './options.ts'
import { makeWriter, type WriteEntry } from './writer.ts'

export type { Destination } from './destination.ts'
export type { AccessEntry, AccessFacts, FactsOf, Outcome } from './facts.ts'
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
  write(entry: AccessEntry): void
}

const STDERR = 2
const kExchange = Symbol('hearthgate.access-log')

type FollowedReply = FastifyReply['raw'] & { [kExchange]?: Exchange }

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
  follow(app, { settings, write, onLost, facts: facts ?? null })
}

function openStderr(app: FastifyInstance, onLost: OnLost): BufferedDestination {
  const stderr = openBuffered(STDERR, onLost)
  app.addHook('onClose', () => stderr.close())
  return stderr
}

interface Following {
  readonly settings: () => AccessLogSettings
  readonly write: WriteEntry
  readonly onLost: OnLost
  readonly facts: FactsOf | null
}

/** Follows every request with one listener for all of them; `this` is the raw reply. */
function follow(app: FastifyInstance, { settings, write, onLost, facts }: Following): void {
  function onClose(this: FollowedReply): void {
    const exchange = this[kExchange]
    if (exchange === undefined) return
    try {
      write(closeExchange(exchange, facts))
    } catch {
      // What is thrown here, by the app's own `facts`, would end the process.
      onLost('failed')
    }
  }
  app.addHook('onRequest', (request, reply, done) => {
    if (settings().access === 'none') return done()
    const raw: FollowedReply = reply.raw
    raw[kExchange] = openExchange(request, reply)
    raw.on('close', onClose)
    done()
  })
  app.addHook('onError', (_request, reply, error, done) => {
    const exchange = (reply.raw as FollowedReply)[kExchange]
    if (exchange !== undefined) exchange.error = error.code ?? error.name
    done()
  })
  if (facts === null) followHeads(app)
}

/** Notes the time of the head, where the app does not tell it. */
function followHeads(app: FastifyInstance): void {
  app.addHook('onSend', (_request, reply, payload, done) => {
    const exchange = (reply.raw as FollowedReply)[kExchange]
    if (exchange !== undefined) exchange.headMs = performance.now()
    done(null, payload)
  })
}

/** `app.accessLog` and a line for every request. */
export const accessLog = fp(accessLogPlugin, { name: 'hearthgate-access-log', fastify: '5.x' })
