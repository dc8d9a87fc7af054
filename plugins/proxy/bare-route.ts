/**
 * A prefix served by the proxy alone, for apps without a gateway around it: every method, bodies untouched, the target
 * byte for byte behind the prefix.
 */
import { randomUUID } from 'node:crypto'
import { METHODS } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ProxyCall } from './call.ts'
import { type ClientFacts, clientFacts, compileTrust, type TrustCheck } from './client-facts.ts'
import { outsideMount } from './errors.ts'
import { sendFailure } from './failure.ts'
import { plainAddress } from './forwarded.ts'
import type { ProxyOptions } from './options.ts'

/** TRACE would show a client the fields that the gateway added; CONNECT is no request for an origin. */
const methods = METHODS.filter(method => method !== 'TRACE' && method !== 'CONNECT')

const ALLOW = methods.join(', ')

export function registerPrefix(app: FastifyInstance, options: ProxyOptions): void {
  const prefix = bareOf(options.prefix)
  app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    // Fastify refuses a Content-Type that it cannot parse; the origin gets the raw one all the same.
    scope.addHook('onRequest', (request, _reply, next) => {
      if (request.raw.headers['content-type'] !== undefined)
        request.raw.headers['content-type'] = 'application/octet-stream'
      next()
    })
    for (const method of methods)
      if (!scope.supportedMethods.includes(method)) scope.addHttpMethod(method, { hasBody: true })
    for (const url of new Set([prefix === '' ? '/' : prefix, `${prefix}/*`])) {
      scope.route({
        method: [...scope.supportedMethods].filter(method => methods.includes(method)),
        url,
        config: { [isPrefixRoute]: true } as object,
        handler: (request, reply) => {
          const call = request.server.proxy.callFor(request)
          if (call === null) return sendFailure(reply, null, outsideMount())
          reply.proxy(call)
        },
      })
      // RFC 9110 §15.5.6: a 405 says what is allowed.
      const refuse = (_request: FastifyRequest, reply: FastifyReply) => reply.code(405).header('allow', ALLOW).send()
      scope.route({ method: 'TRACE', url, handler: refuse })
    }
  })
}

/** Marks the routes of the prefix in their `config`. */
const isPrefixRoute: unique symbol = Symbol('hearthgate.prefix-route')
interface PrefixConfig {
  readonly [isPrefixRoute]?: true
}

/** The call for a request that a route of the prefix takes; null for one that some reading takes out of the mount. */
export function prefixCalls(options: ProxyOptions): (request: FastifyRequest) => ProxyCall | null {
  const prefix = bareOf(options.prefix)
  const isTrusted = compileTrust(options.trustedProxies)
  return request => {
    if ((request.routeOptions.config as PrefixConfig)[isPrefixRoute] !== true) return null
    const target = targetFor(request.raw.url ?? '/', options, prefix)
    return target === null ? null : callFor(request, options, target, isTrusted)
  }
}

/** The prefix as clients write it, with that of the scope in front. */
export function mountedPrefix(scopePrefix: string, prefix: string): string {
  return scopePrefix === '' ? prefix : `${scopePrefix}${bareOf(prefix)}`
}

/** `/app/` as `/app`, and `/` as the empty text. */
function bareOf(prefix: string): string {
  return prefix.replace(/\/$/, '')
}

function callFor(request: FastifyRequest, options: ProxyOptions, target: string, isTrusted: TrustCheck): ProxyCall {
  const host = request.raw.headers.host ?? String(request.raw.headers[':authority'] ?? '')
  return {
    upstream: options.upstream,
    route: options.prefix,
    target,
    host: hostToSend(request.server, options, host),
    client: factsOf(request, host, isTrusted),
    requestId: randomUUID(),
    strippedPrefix: options.rewritePath === null || options.prefix === '/' ? null : options.prefix,
    mountBase: bareOf(options.rewritePath ?? ''),
    requestRules: options.headers.request,
    answerRules: options.headers.response,
    maxBodyBytes: options.bodySize,
    bodyIdleMs: options.bodyIdleMs,
  }
}

function hostToSend(app: FastifyInstance, options: ProxyOptions, host: string): string {
  const { host: rule } = options.headers
  if (rule === 'preserve' && host !== '') return host
  if (rule === 'preserve' || rule === 'upstream') {
    return app.upstream.group(options.upstream).pools[0]?.address.authority ?? host
  }
  return rule
}

function factsOf(request: FastifyRequest, host: string, isTrusted: TrustCheck): ClientFacts {
  const { socket, headers } = request.raw
  const isTls = (socket as TLSSocket).encrypted === true
  const connection = { peer: plainAddress(socket.remoteAddress), isTls, localPort: socket.localPort ?? 0 }
  const field = (name: string) => {
    const value = headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
  return clientFacts(connection, host, field, isTrusted)
}

/**
 * `/app/x?y` under `/app` with `/base` becomes `/base/x?y`; the rest stays byte for byte. Null for a target that spells
 * the prefix in another way, or that some reading of its path takes out of the mount.
 */
function targetFor(url: string, { rewritePath: base }: ProxyOptions, prefix: string): string | null {
  if (base === null) return prefix !== '' && climbs(url) ? null : url
  const rest = url.slice(prefix.length)
  if (!url.startsWith(prefix) || climbs(rest)) return null
  const mount = base === '/' ? '' : base.replace(/\/$/, '')
  return `${mount}${rest.startsWith('/') ? rest : `/${rest}`}`
}

/** Whether a dot segment is in the path, in any spelling: encoded, or between backslashes or encoded separators. */
function climbs(rest: string): boolean {
  const end = rest.search(/[?#]/)
  const path = (end < 0 ? rest : rest.slice(0, end)).replace(/%2e/gi, '.').replace(/%2f|%5c|\\/gi, '/')
  return path.split('/').some(segment => segment === '..' || segment === '.' || segment.startsWith('..;'))
}
