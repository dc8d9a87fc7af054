/**
 * Several requests in one: `POST /_hearthgate/batch` with a list of them, each of which goes through the app as if it had
 * been sent alone. Works in any Fastify 5 app:
 *
 *     await app.register(batch, { batchSize: 10, maxConcurrent: 5 })
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { resolveOptions } from '../contract/index.ts'
import { type Refused, readCall, refuseCaller, type SubRequest } from './call.ts'
import { type BatchOptions, batchOptionsSchema } from './options.ts'
import { type SubAnswer, type SubFailure, SubRequests } from './sub-requests.ts'

export type { BatchOptions, SubAnswer, SubFailure }

/** What holds for one request. */
export interface BatchScope {
  /** Path of batch calls. */
  readonly path: string
  readonly batchSize: number
  readonly maxConcurrent: number
  /** Scheme and host by which the client came: `https://wiki.home.arpa`. */
  readonly ownOrigin: string
}

export interface BatchInput extends Partial<BatchOptions> {
  /** Null = neither a batch call nor a part of one is allowed here. */
  readonly settingsFor?: (request: FastifyRequest) => BatchScope | null
}

export const BATCH_PATH = '/_hearthgate/batch'

const plugin: FastifyPluginAsync<BatchInput> = async (app, options) => {
  const { settingsFor, ...given } = options
  const resolved = resolveOptions('batch', batchOptionsSchema, given)
  const subs = new SubRequests((request, response) => void app.routing(request, response))
  const scopeOf = settingsFor ?? (request => bareScope(request, resolved))
  app.addHook('onRequest', (request, reply, next) => {
    const scope = scopeOf(request)
    const isPart = subs.has(request.raw)
    const isCall = scope !== null && pathOf(request.originalUrl) === scope.path
    if (isPart && scope === null) return refuse(reply, notAllowed)
    if (isPart && isCall) return refuse(reply, noRecursion)
    if (isPart || !isCall) return next()
    void answerCall(request, reply, { scope, options: resolved, subs })
  })
}

const notAllowed: Refused = { status: 403, code: 'HG_BATCH_ROUTE', message: 'this route takes no part in batches' }
const noRecursion: Refused = { status: 400, code: 'HG_BATCH_RECURSION', message: 'a batch cannot stand in a batch' }

interface Surroundings {
  readonly scope: BatchScope
  readonly options: BatchOptions
  readonly subs: SubRequests
}

function bareScope({ raw }: FastifyRequest, { batchSize, maxConcurrent }: BatchOptions): BatchScope {
  const scheme = (raw.socket as { encrypted?: boolean }).encrypted === true ? 'https' : 'http'
  return { path: BATCH_PATH, batchSize, maxConcurrent, ownOrigin: `${scheme}://${raw.headers.host ?? ''}` }
}

function pathOf(target: string): string {
  const end = target.indexOf('?')
  return end < 0 ? target : target.slice(0, end)
}

async function answerCall(request: FastifyRequest, reply: FastifyReply, around: Surroundings): Promise<void> {
  const { scope, options, subs } = around
  const { raw } = request
  const { headers } = raw
  const refused = refuseCaller({
    method: raw.method ?? '',
    contentType: headers['content-type'],
    origin: headers.origin,
    secFetchSite: headers['sec-fetch-site'] as string | undefined,
    ownOrigin: scope.ownOrigin,
  })
  if (refused !== null) return refuse(reply, refused)
  const text = await readText(raw, options.maxCallBytes)
  if (text === null) return refuse(reply, tooLarge)
  const call = readCall(text, scope.batchSize)
  if (!call.ok) return refuse(reply, call.refused)
  const leaving = new AbortController()
  reply.raw.once('close', () => leaving.abort())
  const signal = AbortSignal.any([leaving.signal, AbortSignal.timeout(options.timeoutMs)])
  const budget = { bytes: options.maxAnswerBytes }
  const send = (sub: SubRequest) => subs.send(raw, sub, signal, budget)
  const isStreamed = headers.accept?.includes('application/x-ndjson') ?? false
  const answers = await inTurn(call.requests, scope.maxConcurrent, send, answer => {
    if (isStreamed) writeLine(reply, answer)
  })
  if (isStreamed) return void reply.raw.end()
  if (!leaving.signal.aborted) reply.header('cache-control', 'no-store').send({ responses: answers })
}

const tooLarge: Refused = { status: 413, code: 'HG_BATCH_TOO_LARGE', message: 'the call is too large' }

function writeLine(reply: FastifyReply, answer: SubAnswer | SubFailure): void {
  const { raw } = reply
  if (!reply.sent) {
    reply.hijack()
    raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
  }
  raw.write(`${JSON.stringify(answer)}\n`)
}

/** Runs `work` on each item, `most` at a time; told of each result as it comes, and of all in the order of the items. */
async function inTurn<T, R>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<R>,
  tell: (result: R) => void,
): Promise<R[]> {
  const results: R[] = []
  const queue = items.entries()
  const worker = async (): Promise<void> => {
    for (const [i, item] of queue) {
      const result = await work(item)
      results[i] = result
      tell(result)
    }
  }
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker))
  return results
}

/** Null when there are more bytes than that, or the client has left. */
async function readText(request: IncomingMessage, maxBytes: number): Promise<string | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length
      if (bytes > maxBytes) return null
      chunks.push(chunk as Buffer)
    }
  } catch {
    return null
  }
  return Buffer.concat(chunks).toString('utf8')
}

function refuse(reply: FastifyReply, { status, code, message }: Refused): void {
  if (!reply.request.raw.complete) reply.header('connection', 'close')
  if (status === 405) reply.header('allow', 'POST')
  reply.code(status).header('cache-control', 'no-store').send({ statusCode: status, code, message })
}

export const batch = fp(plugin, { name: 'hearthgate-batch', fastify: '5.x' })
export default batch
