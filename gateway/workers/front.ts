/**
 * The one admin listener of several workers: numbers of all are put together, what changes something goes to each, all
 * else is answered by the worker that has served longest.
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { MAX_LISTENERS, MAX_RECENT, mergeBooks } from '../../plugins/metrics/index.ts'
import { type Admin, listenAdmin } from '../admin/index.ts'
import { addReportEndpoint } from '../admin/report.ts'
import { readLimit } from '../admin/requests.ts'
import type { AdminConfig } from '../config/types.ts'
import { askWorker, readAll, type WorkerCall } from './ask-worker.ts'
import type { Crew, Member } from './crew.ts'
import { LiveStream } from './live-stream.ts'
import { mergeCache, mergePurges, mergeStats } from './merge.ts'
import { mergeExpositions } from './merge-expositions.ts'
import { mergeRequests, timeOfNumber } from './merge-requests.ts'

export interface FrontSources {
  readonly crew: Crew
  readonly token: string
  isDraining(): boolean
}

/** @throws when the address cannot be listened on. */
export function openFront(config: AdminConfig, sources: FrontSources): Promise<Admin> {
  return listenAdmin(config, app => addEndpoints(app, new Front(sources)))
}

function addEndpoints(app: FastifyInstance, front: Front): void {
  // Bodies are handed on as they came; each worker checks them.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.get('/healthz', () => ({ status: 'ok' }))
  app.get('/readyz', (_request, reply) => front.readiness(reply))
  app.get('/metrics', async (request, reply) => {
    const answers = await front.askAll(request)
    const merged = mergeExpositions(answers.map(({ text }) => text))
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(merged)
  })
  app.get('/api/stats', async request => {
    const answers = await front.askAll(request)
    const pids = answers.map(({ pid }) => pid)
    const facts = { uptimeSeconds: Math.round(process.uptime()), pids, replaced: front.replaced }
    return mergeStats(
      answers.map(({ text }) => JSON.parse(text)),
      facts,
    )
  })
  app.get('/api/cache', async request => {
    const answers = await front.askAll(request)
    return mergeCache(answers.map(({ text }) => JSON.parse(text)))
  })
  app.get('/api/requests', (request, reply) => front.requests(request, reply))
  app.get('/api/events', (request, reply) => front.events(request, reply))
  app.get('/api/explain', (request, reply) => front.explain(request, reply))
  addReportEndpoint(app, async request => {
    const answers = await front.askAll(request, '/api/hours')
    return mergeBooks(answers.map(({ text }) => JSON.parse(text)))
  })
  app.post('/api/cache/purge', (request, reply) => front.orderAll(request, reply, all => mergePurges(all as never)))
  app.post('/*', (request, reply) => front.orderAll(request, reply, ([first]) => first))
  app.get('/*', (request, reply) => front.passOn(request, reply))
}

interface WorkerAnswer {
  readonly pid: number
  readonly status: number
  readonly text: string
}

class Front {
  readonly #sources: FrontSources
  /** That show live numbers. */
  #pages = 0

  constructor(sources: FrontSources) {
    this.#sources = sources
  }

  readiness(reply: FastifyReply): unknown {
    const { crew, isDraining } = this.#sources
    const status = isDraining() ? 'draining' : crew.members.length === 0 ? 'no worker serves' : 'ready'
    reply.code(status === 'ready' ? 200 : 503)
    return { status, workers: crew.members.length }
  }

  get replaced(): number {
    return this.#sources.crew.replaced
  }

  /** What all say; a worker that dies meanwhile is left out. */
  async askAll(request: FastifyRequest, path = request.url): Promise<WorkerAnswer[]> {
    const asked = await Promise.allSettled(this.#members.map(member => this.#read(member, request, path)))
    const answers = asked.flatMap(each => (each.status === 'fulfilled' && each.value.status === 200 ? each.value : []))
    if (answers.length === 0) throw new Error('no worker answers')
    return answers
  }

  /** The last requests of all of them. */
  async requests(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const query = request.query as Record<string, string | string[]>
    // What cannot be read is refused by a worker, in its own words.
    if (Object.values(query).some(Array.isArray)) return this.passOn(request, reply)
    const { limit, after = '-1', ...filters } = query
    const question = { limit: readLimit(limit), after: Number(after), askedMs: Date.now() }
    const since = String(timeOfNumber(question.after))
    const asked = new URLSearchParams({ ...(filters as Record<string, string>), since, limit: String(MAX_RECENT) })
    const answers = await this.askAll(request, `/api/requests?${asked}`)
    return mergeRequests(
      answers.map(({ text }) => JSON.parse(text)),
      question,
    )
  }

  /** The seconds of all of them. */
  async events(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    if (this.#pages >= MAX_LISTENERS) return reply.code(503).send({ error: 'too many pages are open already' })
    this.#pages++
    const { raw } = reply
    raw.once('close', () => this.#pages--)
    reply.hijack()
    const fields = reply.getHeaders() as Record<string, string>
    raw.writeHead(200, { ...fields, 'content-type': 'text/event-stream; charset=utf-8' })
    await LiveStream.open(raw, {
      members: () => this.#sources.crew.members,
      ask: member => this.#ask(member, request),
    })
    return reply
  }

  /** Only the one that served a request knows of it; what would happen, any of them can tell. */
  async explain(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const { id, url } = request.query as Record<string, unknown>
    if (id === undefined || url !== undefined) return this.passOn(request, reply)
    const all = await Promise.allSettled(this.#members.map(member => this.#read(member, request)))
    const answers = all.flatMap(each => (each.status === 'fulfilled' ? each.value : []))
    const answer = answers.find(({ status }) => status === 200) ?? answers[0]
    if (answer === undefined) throw new Error('no worker answers')
    return reply.code(answer.status).type('application/json').send(answer.text)
  }

  /** A change is for each of them: the first refusal is the answer. */
  async orderAll(
    request: FastifyRequest,
    reply: FastifyReply,
    merge: (answers: readonly unknown[]) => unknown,
  ): Promise<unknown> {
    const all = await Promise.all(this.#members.map(member => this.#read(member, request)))
    const refused = all.find(({ status }) => status >= 300)
    if (refused !== undefined) return reply.code(refused.status).type('application/json').send(refused.text)
    return merge(all.map(({ text }) => JSON.parse(text)))
  }

  async passOn(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const [first] = this.#members
    const answer = await this.#ask(first as Member, request)
    reply.code(answer.statusCode ?? 502)
    for (const [name, value] of Object.entries(answer.headers)) {
      if (value !== undefined && !ownFields.has(name)) reply.header(name, value)
    }
    reply.raw.once('close', () => answer.destroy())
    return reply.send(answer)
  }

  get #members(): readonly Member[] {
    const { members } = this.#sources.crew
    if (members.length === 0) throw Object.assign(new Error('no worker serves at the moment'), { statusCode: 503 })
    return members
  }

  async #read(member: Member, request: FastifyRequest, path = request.url): Promise<WorkerAnswer> {
    const answer = await this.#ask(member, request, path)
    const pid = member.worker.process.pid ?? 0
    return { pid, status: answer.statusCode ?? 502, text: await readAll(answer) }
  }

  #ask(member: Member, request: FastifyRequest, path = request.url): Promise<IncomingMessage> {
    const { method, headers, body } = request
    const call: WorkerCall = {
      method,
      path,
      accept: headers.accept,
      body: Buffer.isBuffer(body) ? body : null,
    }
    return askWorker(member, this.#sources.token, call)
  }
}

/** Fields of one hop, and what frames the answer. */
const ownFields: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date'])
