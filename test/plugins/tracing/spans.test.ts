/** Spans by the real SDK of OpenTelemetry: of the whole gateway, and below those of @fastify/otel in a bare app. */
import { createRequire } from 'node:module'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { proxy } from '../../../plugins/proxy/index.ts'
import { tracing } from '../../../plugins/tracing/index.ts'
import { methodWord } from '../../../plugins/tracing/spans.ts'
import { upstream } from '../../../plugins/upstream/index.ts'
import { eventually, get, originFor } from '../../gateway/support.ts'
import { base, startGateway } from '../../support/gateway.ts'
import { exchange, RawClient } from '../../support/raw-client.ts'
import { answer, type Script } from '../../support/raw-origin.ts'

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
provider.register()
t.teardown(() => provider.shutdown())

const LONG = 'words and words '.repeat(400)
let failures = 0
const script: Script = (request, socket) => {
  const { target } = request
  if (target.startsWith('/flaky') && failures++ === 0) return void socket.write(answer(503, {}, 'not yet'))
  if (target === '/slow') return void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart')
  const fields = { 'Cache-Control': target === '/kept' ? 'max-age=60' : 'no-store', 'Content-Type': 'text/plain' }
  socket.write(answer(200, fields, LONG))
}

const nameOf = ({ name }: ReadableSpan): string => name
const msOf = ([seconds, nanos]: ReadableSpan['startTime']): number => seconds * 1000 + nanos / 1e6

/** The spans of one request, its own last; waits for it. */
async function spansOf(act: () => Promise<unknown>): Promise<{ own: ReadableSpan; parts: ReadableSpan[] }> {
  exporter.reset()
  await act()
  const ownOnes = () => exporter.getFinishedSpans().filter(({ kind }) => kind === SpanKind.SERVER)
  await eventually(() => ownOnes().length === 1)
  const [own] = ownOnes() as [ReadableSpan]
  return { own, parts: exporter.getFinishedSpans().filter(span => span !== own) }
}

async function tracedGateway(t: Test) {
  const origin = await originFor(t, script)
  const { port } = await startGateway(
    t,
    `${base}tracing: { spans: true }
routes:
  - { name: app, match: { path: / }, upstream: "${origin.url}" }
  - { name: closed, match: { path: /closed }, deny: true }
`,
  )
  return { origin, port }
}

t.test('a request is a span of its trace, with its parts below it and the app behind it', async t => {
  const { origin, port } = await tracedGateway(t)
  const theirs = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const encoded = get('/page?token=hunter2', `traceparent: ${theirs}\r\ntracestate: a=1\r\nAccept-Encoding: gzip\r\n`)
  const { own, parts } = await spansOf(() => exchange(port, encoded))
  t.match(own, {
    name: 'GET app',
    status: { code: SpanStatusCode.UNSET },
    parentSpanContext: { spanId: 'b7ad6b7169203331' },
  })
  t.match(own.attributes, { 'http.response.status_code': 200, 'hearthgate.route': 'app', 'url.path': '/page' })
  t.notMatch(JSON.stringify(own.attributes), /hunter2/)
  t.strictSame(new Set(parts.map(nameOf)), new Set(['cache', 'attempt', 'encode']))
  const { traceId, spanId } = own.spanContext()
  t.equal(traceId, '0af7651916cd43dd8448eb211c80319c')
  for (const part of parts) {
    t.equal(part.parentSpanContext?.spanId, spanId, part.name)
    t.ok(msOf(part.startTime) >= msOf(own.startTime), `${part.name} begins in it`)
    t.ok(msOf(part.endTime) >= msOf(part.startTime), `${part.name} ends after it began`)
  }
  t.match(origin.requests.at(-1)?.headers, { traceparent: `00-${traceId}-${spanId}-01`, tracestate: 'a=1' })
})

t.test('an answer of the store has no attempt; an attempt again has two, one of them failed', async t => {
  const { port } = await tracedGateway(t)
  await spansOf(() => exchange(port, get('/kept')))
  const hit = await spansOf(() => exchange(port, get('/kept')))
  t.strictSame(hit.parts.map(nameOf), ['cache'])
  t.match(hit.own.attributes, { 'hearthgate.cache': 'hit', 'hearthgate.attempts': 0 })
  failures = 0
  const again = await spansOf(() => exchange(port, get('/flaky')))
  const attempts = again.parts.filter(({ name }) => name === 'attempt')
  t.strictSame(
    attempts.map(({ attributes, status }) => [attributes['hearthgate.attempt'], status.code]),
    [
      [1, SpanStatusCode.ERROR],
      [2, SpanStatusCode.UNSET],
    ],
  )
})

t.test('a request that waited for a place at the app has a span of the wait; the one before it has none', async t => {
  let release = (): void => {}
  const origin = await originFor(t, (request, socket) => {
    const respond = (): void => void socket.write(answer(200, { 'Cache-Control': 'no-store' }, 'served'))
    if (request.target === '/first') release = respond
    else respond()
  })
  const { port, admin } = await startGateway(
    t,
    `${base}tracing: { spans: true }
routes:
  - { name: app, upstream: "${origin.url}", admission: { max_concurrency: 1 } }
`,
  )
  exporter.reset()
  const first = exchange(port, get('/first'))
  await eventually(() => origin.requests.length === 1)
  const askedMs = Date.now()
  const second = exchange(port, get('/second'))
  await new Promise(resolve => setTimeout(resolve, 200))
  t.equal(origin.requests.length, 1, 'it waits')
  const releasedMs = Date.now()
  release()
  await Promise.all([first, second])
  const all = () => exporter.getFinishedSpans()
  const ownOf = (path: string) => all().find(({ attributes }) => attributes['url.path'] === path)
  await eventually(() => ownOf('/first') !== undefined && ownOf('/second') !== undefined)
  const partsOf = (path: string) =>
    all().filter(({ parentSpanContext }) => parentSpanContext?.spanId === ownOf(path)?.spanContext().spanId)
  t.notOk(partsOf('/first').some(({ name }) => name === 'queue'))
  const [queue, attempt, own] = [
    partsOf('/second').find(({ name }) => name === 'queue'),
    partsOf('/second').find(({ name }) => name === 'attempt'),
    ownOf('/second'),
  ]
  if (queue === undefined || attempt === undefined || own === undefined) throw new Error('a span is missing')
  // Date.now and the clock of the spans differ by less than a millisecond or two.
  const [from, to] = [msOf(queue.startTime), msOf(queue.endTime)]
  t.ok(from >= msOf(own.startTime) && from >= askedMs - 5, `${from - askedMs} ms after it was sent`)
  t.ok(to - from >= releasedMs - askedMs - 100, `${to - from} ms of ${releasedMs - askedMs}`)
  t.ok(to >= releasedMs - 5, `until ${to - releasedMs} ms after the place was free`)
  t.ok(to <= msOf(attempt.endTime) && to <= msOf(own.endTime))

  const [known] = (await admin('/api/requests?text=/second')) as { traceId: string }[]
  t.equal(known?.traceId, own.spanContext().traceId, 'the trace that the app sees')
})

t.test('the span of a client that leaves is ended, and so is one that nobody serves', async t => {
  const { port } = await tracedGateway(t)
  const left = await spansOf(async () => {
    const client = new RawClient(port).send(get('/slow'))
    await eventually(() => client.received.includes('part'))
    client.close()
  })
  t.match(left.own.attributes, { 'hearthgate.outcome': 'client_left' })
  const refused = await spansOf(() => exchange(port, get('/closed/x')))
  t.match(refused.own, { name: 'GET closed', attributes: { 'http.response.status_code': 403 } })
})

t.test('without spans there is no tracer, and no header of one', async t => {
  const origin = await originFor(t, script)
  const { port } = await startGateway(
    t,
    `${base}routes:\n  - { name: app, match: { path: / }, upstream: "${origin.url}" }\n`,
  )
  exporter.reset()
  await exchange(port, get('/page'))
  t.strictSame(exporter.getFinishedSpans(), [])
  t.notOk('traceparent' in (origin.requests[0]?.headers ?? {}))
})

t.test('below the spans of @fastify/otel in a bare app', async t => {
  const origin = await originFor(t, script)
  const Instrumentation = createRequire(import.meta.url)('@fastify/otel')
  const instrumentation = new Instrumentation()
  instrumentation.setTracerProvider(provider)
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(instrumentation.plugin())
  await app.register(tracing)
  await app.register(upstream, { upstreams: { app: { origins: [{ url: origin.url }] } } })
  await app.register(proxy, { upstream: 'app', prefix: '/wiki' })
  exporter.reset()
  t.equal((await app.inject('/wiki/page')).statusCode, 200)
  await eventually(() => exporter.getFinishedSpans().some(({ name }) => name === 'attempt'))
  const spans = exporter.getFinishedSpans()
  const theirs = spans.find(({ name }) => name === 'request')
  const attempt = spans.find(({ name }) => name === 'attempt')
  t.equal(attempt?.parentSpanContext?.spanId, theirs?.spanContext().spanId)
  t.equal(
    spans.filter(
      ({ kind, instrumentationScope }) => kind === SpanKind.SERVER && instrumentationScope.name === 'hearthgate',
    ).length,
    0,
  )
})

t.test('names of spans are few', async t => {
  t.equal(methodWord('GET'), 'GET')
  t.equal(methodWord('X'.repeat(100)), '_OTHER')
})
