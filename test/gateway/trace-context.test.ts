/** traceparent (W3C Trace Context): what is valid goes on as it came, what nobody can read is replaced. */
import t, { type Test } from 'tap'
import { type ContextMode, decideTrace, isTraceparent } from '../../gateway/trace-context.ts'
import { base, startGateway } from '../support/gateway.ts'
import { gatewayProcess } from '../support/gateway-process.ts'
import { exchange, RawClient } from '../support/raw-client.ts'
import { answer, type Script } from '../support/raw-origin.ts'
import { eventually, get, originFor, route } from './support.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const VALID = `00-${TRACE}-${PARENT}-01`

t.test('a traceparent is judged by the letter', async t => {
  const cases: readonly (readonly [string, boolean, string])[] = [
    [VALID, true, 'the example of the standard'],
    [`00-${TRACE}-${PARENT}-00`, true, 'not sampled'],
    [`cc-${TRACE}-${PARENT}-01-more`, true, 'a later version may have more'],
    [`cc-${TRACE}-${PARENT}-01`, true, 'and need not'],
    [`00-${TRACE}-${PARENT}-01-more`, false, 'version 00 has no more'],
    [`ff-${TRACE}-${PARENT}-01`, false, 'version ff is forbidden'],
    [`00-${'0'.repeat(32)}-${PARENT}-01`, false, 'no trace'],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, false, 'no parent'],
    [VALID.toUpperCase(), false, 'capitals'],
    [`00-${TRACE.slice(1)}-${PARENT}-01`, false, 'a digit short'],
    [`cc-${TRACE}-${PARENT}-01.more`, false, 'more without a dash'],
    [`${VALID}, ${VALID}`, false, 'two lines'],
    [` ${VALID}`, false, 'a space'],
    ['', false, 'nothing'],
  ]
  for (const [text, isValid, what] of cases) t.equal(isTraceparent(text), isValid, what)
})

t.test('what becomes of it is decided by the mode', async t => {
  const ids = () => ({ traceId: TRACE, parentId: PARENT })
  const cases: readonly (readonly [string | undefined, ContextMode, string])[] = [
    [VALID, 'pass', 'valid'],
    [VALID, 'make', 'valid'],
    [VALID, 'off', 'off'],
    ['junk', 'pass', 'invalid'],
    ['junk', 'make', 'invalid'],
    ['junk', 'off', 'off'],
    [undefined, 'pass', 'none'],
    [undefined, 'make', 'begun'],
    [undefined, 'off', 'off'],
  ]
  for (const [given, mode, reason] of cases) {
    const decision = decideTrace(given, mode, ids)
    t.equal(decision.reason, reason, `${given} ${mode}`)
    if (decision.replace) t.equal(decision.traceparent, `00-${TRACE}-${PARENT}-00`)
  }
})

async function throughGateway(t: Test, yaml: string) {
  const origin = await originFor(t, (_request, socket) => void socket.write(answer(200, {}, 'hello')))
  const { port } = await startGateway(t, `${base}${yaml}routes:\n${route('app', '/', origin.url)}`)
  return async (more: string): Promise<Record<string, string>> => {
    await exchange(port, get('/', more))
    const { lines = [] } = origin.requests.at(-1) ?? {}
    const traced = lines.filter(line => /^trace/i.test(line)).map(line => line.split(': ') as [string, string])
    return Object.fromEntries(traced)
  }
}

t.test(
  'through the gateway: valid fields reach the app byte for byte, broken ones are replaced with their state',
  async t => {
    const ask = await throughGateway(t, '')
    const both = { TraceParent: VALID, TraceState: 'a=1,b=2' }
    t.strictSame(await ask(`TraceParent: ${VALID}\r\nTraceState: a=1,b=2\r\n`), both)
    t.strictSame(await ask(''), {}, 'none is begun')
    const replaced = await ask('traceparent: 00-1-2-3\r\ntracestate: a=1\r\n')
    t.strictSame(Object.keys(replaced), ['traceparent'])
    t.ok(isTraceparent(replaced['traceparent'] ?? ''))
    t.ok(
      isTraceparent((await ask(`traceparent: ${VALID}\r\ntraceparent: ${VALID}\r\n`))['traceparent'] ?? ''),
      'one for two',
    )
  },
)

t.test('through the gateway: traces are begun, or left alone, where the configuration says so', async t => {
  const make = await throughGateway(t, 'tracing: { context: make }\n')
  const [first, second] = [await make(''), await make('')].map(({ traceparent = '' }) => traceparent)
  t.ok(isTraceparent(first ?? '') && isTraceparent(second ?? ''))
  t.not(first, second)
  const off = await throughGateway(t, 'tracing: { context: off }\n')
  t.strictSame(await off('traceparent: junk\r\n'), { traceparent: 'junk' })
})

t.test('an upgrade has the same trace', async t => {
  const origin = await originFor(t, (_request, socket) => void socket.write(answer(400, {}, 'no')))
  const { port } = await startGateway(t, `${base}tracing: { context: make }\nroutes:\n${route('app', '/', origin.url)}`)
  const client = new RawClient(port)
  t.teardown(() => client.close())
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  t.equal((await client.send(get('/', upgrade)).answer()).status, 400)
  t.ok(isTraceparent(origin.requests[0]?.headers['traceparent'] ?? ''))
})

const hello: Script = (_request, socket) => void socket.write(answer(200, {}, 'hello'))

t.test('each request is known by the trace that the app sees, and by none that nobody has read', async t => {
  const origin = await originFor(t, hello)
  const sent = (): string | undefined => origin.requests.at(-1)?.headers['traceparent']?.slice(3, 35)
  const known = async (mode: string, more: string): Promise<unknown> => {
    const yaml = `${base}tracing: { context: ${mode} }\nroutes:\n${route('app', '/', origin.url)}`
    const { port, admin } = await startGateway(t, yaml)
    await exchange(port, get('/', more))
    const list = async () => (await admin('/api/requests')) as { traceId: unknown }[]
    await eventually(async () => (await list()).length === 1)
    return (await list())[0]?.traceId
  }
  t.equal(await known('pass', `traceparent: ${VALID}\r\n`), TRACE)
  t.equal(await known('pass', ''), null)
  t.equal(await known('off', `traceparent: ${VALID}\r\n`), null)
  for (const [mode, more] of [
    ['make', ''],
    ['pass', 'traceparent: junk\r\n'],
  ] as const) {
    const begun = await known(mode, more)
    t.match(begun, /^[0-9a-f]{32}$/)
    t.equal(begun, sent())
  }
})

t.test('the access log tells it as trace_id', async t => {
  const origin = await originFor(t, hello)
  const yaml = `${base.replace('access: none', 'access: json')}routes:\n${route('app', '/', origin.url)}`
  const { port, log } = await gatewayProcess(t, yaml.replace('silent', 'info'))
  await exchange(port, get('/with', `traceparent: ${VALID}\r\n`))
  await exchange(port, get('/without'))
  const lines = (): string[] =>
    log()
      .split('\n')
      .filter(text => text.includes('"request_id"'))
  await eventually(() => lines().length === 2)
  const told = lines().map(line => JSON.parse(line) as Record<string, unknown>)
  t.strictSame(
    told.map(({ path, trace_id }) => [path, trace_id]),
    [
      ['/with', TRACE],
      ['/without', undefined],
    ],
  )
})
