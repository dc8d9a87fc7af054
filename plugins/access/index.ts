/**
 * Who may come in: addresses, passwords, the word of another server (forward-auth), a limit of logins. Works alone in any
 * Fastify 5 app, for the routes of the scope that it is registered in:
 *
 *     await app.register(access, { allow: ['192.168.0.0/16'], paths: [{ path: '/admin', allow: ['127.0.0.1'] }] })
 *
 * or with `attach: false` and guards of the caller's own, as the gateway has one a route.
 */
import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { FastifyBaseLogger, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { contractOf, resolveOptions } from '../contract/index.ts'
import { type AttemptCounter, Attempts } from './attempts.ts'
import { CredentialBook } from './credentials.ts'
import { ForwardAuthClient } from './forward-auth.ts'
import {
  type AccessDecision,
  type AccessGuard,
  type AccessQuestion,
  type AccessState,
  compileGuard,
  decideAccess,
  refuseAddress,
} from './guard.ts'
import { type AccessOptions, accessOptionsSchema } from './options.ts'

export { type AttemptCounter, Attempts } from './attempts.ts'
export {
  type AccessDecision,
  type AccessGuard,
  type AccessQuestion,
  type AccessReason,
  compileGuard,
  refuseAddress,
} from './guard.ts'
export { type AccessOptions, accessOptionsSchema } from './options.ts'
export { type Algorithm, algorithms, hashPassword, hashPasswordSync, readHash } from './password.ts'
export { type AttemptQuestion, SharedAttempts } from './shared-attempts.ts'

declare module 'fastify' {
  interface FastifyInstance {
    access: AccessControl
  }
  interface FastifyRequest {
    /** Why the request was let in and what its app is to be told; null before that. */
    access: Extract<AccessDecision, { pass: true }> | null
  }
}

export interface AccessControl {
  /** Decides about one request. At once, where no password and no other server has to be asked. Never rejects. */
  decide(guard: AccessGuard, question: AccessQuestion): AccessDecision | Promise<AccessDecision>
  /** The same about an upgrade, which no hook sees, by the plugin's own options; the address is that of the connection. */
  decideUpgrade(request: IncomingMessage): AccessDecision | Promise<AccessDecision>
}

export interface AccessFunctions {
  /** False where the caller asks `app.access.decide` itself. Default true. */
  readonly attach?: boolean
  /** Where attempts to log in are counted; in this app without it. */
  readonly attempts?: AttemptCounter
}

const plugin: FastifyPluginAsync<Partial<AccessOptions> & AccessFunctions> = async (app, options) => {
  const { attach = true, attempts = new Attempts(), ...given } = options
  const guard = compileGuard(resolveOptions('access', accessOptionsSchema, given))
  const state: AccessState = {
    attempts,
    book: new CredentialBook(),
    forward: new ForwardAuthClient(),
    onForwardFailed: failureLog(app.log),
  }
  const { signals } = contractOf(app)
  const decisions = signals.counter('access_decisions_total', 'Requests that were let in or kept out.', 'reason')
  const count = (decision: AccessDecision): AccessDecision => {
    decisions.with(decision.reason).add(1)
    return decision
  }
  const decide: AccessControl['decide'] = (of, question) => {
    const decision = decideAccess(of, question, state)
    return decision instanceof Promise ? decision.then(count) : count(decision)
  }
  app.decorate('access', {
    decide,
    decideUpgrade: request => (attach && guard !== null ? decide(guard, questionOfUpgrade(request)) : open),
  } satisfies AccessControl)
  // A scope may have rules of its own behind those of the app around it.
  if (!app.hasRequestDecorator('access')) app.decorateRequest('access', null)
  app.addHook('onClose', () => state.forward.close())
  if (attach && guard !== null) guardRoutes(app, guard)
}

/** Every request fails while the server is away; one line in a while says as much. */
const FAILURE_LINE_MS = 10_000

function failureLog(log: FastifyBaseLogger): AccessState['onForwardFailed'] {
  let toldMs = Number.NEGATIVE_INFINITY
  return (url, cause) => {
    if (performance.now() - toldMs < FAILURE_LINE_MS) return
    toldMs = performance.now()
    // Without the query and the credentials that the address may hold.
    const { origin, pathname } = new URL(url)
    log.warn({ server: origin + pathname, err: cause }, 'the server that knows who may come in does not answer')
  }
}

function guardRoutes(app: Parameters<typeof plugin>[0], guard: AccessGuard): void {
  app.addHook('onRequest', async (request, reply) => {
    const question = questionOf(request)
    // Where `rewriteUrl` has changed it, neither what was asked for nor what is answered may be denied.
    const asked = { ...question, ...pathAndQuery(request.originalUrl) }
    const isAskedDenied = asked.path !== question.path && refuseAddress(guard, asked) !== null
    const decision = await app.access.decide(guard, isAskedDenied ? asked : question)
    if (!decision.pass) return sendRefusal(reply, decision)
    request.access = decision
  })
}

const open: AccessDecision = { pass: true, reason: 'open', set: {}, remove: [] }

function sendRefusal(reply: FastifyReply, { status, headers, body, reason }: Extract<AccessDecision, { pass: false }>) {
  reply.code(status).headers(headers)
  return reply.send(body ?? { statusCode: status, error: reason })
}

function questionOf({ originalUrl, method, ip, protocol, host, raw }: FastifyRequest): AccessQuestion {
  const { headers } = raw
  return {
    method,
    ...pathAndQuery(raw.url ?? originalUrl),
    uri: originalUrl,
    address: ip,
    proto: protocol,
    host,
    headers,
  }
}

function questionOfUpgrade({ url = '/', method = 'GET', headers, socket }: IncomingMessage): AccessQuestion {
  const address = socket.remoteAddress ?? ''
  const proto = socket instanceof TLSSocket ? 'https' : 'http'
  return { method, ...pathAndQuery(url), uri: url, address, proto, host: headers.host ?? '', headers }
}

function pathAndQuery(target: string) {
  const cut = target.indexOf('?')
  return cut === -1 ? { path: target, query: '' } : { path: target.slice(0, cut), query: target.slice(cut) }
}

export const access = fp(plugin, { name: 'hearthgate-access', fastify: '5.x' })
export default access
