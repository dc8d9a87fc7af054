/** `hearthgate tune` and `POST /api/tuner` against a gateway in a process of its own, over an app that is crowded. */
import { PassThrough } from 'node:stream'
import t from 'tap'
import { run } from '../../../gateway/cli/index.ts'
import { base } from '../../support/gateway.ts'
import { gatewayProcess } from '../../support/gateway-process.ts'
import { answer } from '../../support/raw-origin.ts'
import { eventually, originFor } from '../support.ts'

const origin = await originFor(t, (_request, socket) => void socket.write(answer(200, {}, 'ok')))
const file = `${base}routes:
  - { name: wiki, match: { path: /wiki }, upstream: "${origin.url}" }
  - { name: other, match: { path: /other }, upstream: "${origin.url}", tuner: { mode: suggest } }
`
const { folder, admin, port } = await gatewayProcess(t, file)

async function tune(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const code = await run(['tune', ...args], { stdout, stderr, cwd: folder, env: {}, color: false })
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

async function post(body: unknown): Promise<{ status: number; answer: Record<string, unknown> }> {
  const headers = { 'content-type': 'application/json', 'x-hearthgate': '1' }
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(`${admin}/api/tuner`, { method: 'POST', headers, body: text })
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> }
}

interface Told {
  readonly knobs: readonly Knob[]
  readonly suggestions: unknown
  readonly timeline: readonly { readonly scope: string }[]
}

interface Knob {
  readonly scope: string
  readonly target: string
  readonly name: string
  readonly value: number
  readonly configured: number
  readonly mode: string
  readonly pinned: boolean
}

async function knob(scope: string, name: string): Promise<Knob> {
  const { knobs } = (await (await fetch(`${admin}/api/tuner`)).json()) as { knobs: Knob[] }
  const found = knobs.find(each => each.scope === scope && each.name === name)
  if (found === undefined) throw new Error(`no ${name} of ${scope}`)
  return found
}

t.test('status shows each knob before the first request, history says that nothing was changed', async t => {
  const { code, out } = await tune('status')
  t.equal(code, 0)
  t.match(out, /^tuner apply, policy measured, \d+ s watched\n/)
  t.match(out, /^ROUTE +KNOB +VALUE +CONFIGURED +MODE +WOULD SET$/m)
  t.match(out, /^wiki +admission\.max_concurrency +16 +16 +apply *$/m)
  t.match(out, /^other +admission\.queue_order +adaptive +adaptive +suggest *$/m)
  t.match(out, /^other +admission\.queue_timeout +10000 +10000 +suggest *$/m)
  t.same(await tune('history'), { code: 0, out: 'nothing was changed yet\n', err: '' })
})

t.test('a pin sets a value that nobody moves, until it is taken away', async t => {
  t.match(await tune('pin', 'wiki', 'admission.max_concurrency', '3'), { code: 0, out: 'pin: 1 knobs moved\n' })
  t.match(await knob('wiki', 'admission.max_concurrency'), { value: 3, pinned: true })
  t.match((await tune('status')).out, /^wiki +admission\.max_concurrency +3 +16 +apply, pinned/m)
  t.match(await tune('unpin', 'wiki', 'admission.max_concurrency'), { code: 0 })
  await eventually(async () => (await knob('wiki', 'admission.max_concurrency')).value === 16)
})

t.test('off puts back what is configured at once, and for that route only', async t => {
  await tune('pin', 'wiki', 'retry.attempts', '1')
  await tune('unpin', 'wiki', 'retry.attempts')
  await tune('freeze')
  t.match(await tune('mode', 'wiki', 'off'), { code: 0 })
  const { value, configured, mode } = await knob('wiki', 'retry.attempts')
  t.strictSame([value, mode], [configured, 'off'])
  t.equal((await knob('other', 'retry.attempts')).mode, 'suggest')
  t.match(await tune('mode', 'wiki', 'apply', 'pool'), { code: 0 })
  t.equal((await knob('wiki', 'upstream.max_size')).mode, 'off', 'a knob is never freer than its route')
  t.match((await tune('status')).out, /, frozen, /)
  await tune('freeze', 'off')
  t.notMatch((await tune('status')).out, /frozen/)
})

t.test('rollback, reset and apply answer with what they moved', async t => {
  for (const action of ['rollback', 'reset', 'apply']) {
    t.match(await tune(action), { code: 0, out: new RegExp(`^${action}: \\d+ knobs moved\n$`) })
  }
})

t.test('what is wrong with an order is told, and nothing moves', async t => {
  const before = await knob('wiki', 'admission.queue')
  for (const [body, status, problem] of [
    [{ action: 'pin', scope: 'nowhere', name: 'x' }, 404, /there is no route "nowhere"/],
    [{ action: 'mode', scope: 'nowhere', mode: 'off' }, 404, /there is no route "nowhere"/],
    [{ action: 'apply', scope: 'nowhere' }, 404, /there is no route "nowhere"/],
    [{ action: 'apply', scope: 'wiki', name: 'x' }, 404, /has no knob "x": it has admission\.max_concurrency, /],
    [
      { action: 'pin', scope: 'wiki', name: 'concurrency' },
      404,
      /"concurrency" stands for admission\.max_concurrency$/,
    ],
    [{ action: 'mode', scope: 'wiki', mode: 'on' }, 400, /"mode" must be one of off, observe, suggest, apply/],
    [{ action: 'pin', scope: 'wiki', name: 'admission.queue', value: '7' }, 400, /"value" must be a number/],
    [{ action: 'pin', scope: 'wiki', name: 'admission.queue', worth: 7 }, 400, /"worth" does not belong to pin/],
    [{ action: 'constructor' }, 400, /write \{ "action": … \} with one of pin, unpin/],
    [[], 400, /write \{ "action"/],
    ['{', 400, /JSON/],
  ] as const) {
    const got = await post(body)
    t.equal(got.status, status)
    t.match(got.answer['error'], problem)
  }
  t.same(await knob('wiki', 'admission.queue'), before)
  t.match(await tune('pin', 'nowhere', 'x'), { code: 1, err: /nowhere/ })
  t.match(await tune('apply', 'nowhere'), { code: 1, err: /there is no route "nowhere"/ })
  t.match(await tune('apply', 'wiki', 'admission.queue'), { code: 0 })
  t.match(await tune('pin'), { code: 64, err: /tune status \| history/ })
})

t.test('routes to the same origins are told as one server, and the timeline of one route is told alone', async t => {
  const told = async (query: string) => (await (await fetch(`${admin}/api/tuner${query}`)).json()) as Told
  const { knobs, suggestions } = await told('')
  const targets = knobs.filter(({ name }) => /max_concurrency|attempts/.test(name))
  t.strictSame(
    targets.map(({ scope, target, name }) => [scope, target, name]),
    [
      ['wiki', 'wiki', 'admission.max_concurrency'],
      ['wiki', 'wiki', 'retry.attempts'],
      ['other', 'wiki', 'admission.max_concurrency'],
      ['other', 'other', 'retry.attempts'],
    ],
  )
  t.ok(Array.isArray(suggestions))
  await Promise.all(['/wiki/a', '/other/a'].map(async path => (await fetch(`http://127.0.0.1:${port}${path}`)).text()))
  await eventually(async () => (await told('')).timeline.length > 1)
  const scopes = async (query: string) => new Set((await told(query)).timeline.map(({ scope }) => scope))
  t.strictSame(await scopes(''), new Set(['wiki', 'other']))
  t.strictSame(await scopes('?timeline=other'), new Set(['other']))
  t.strictSame(await scopes('?timeline=nobody'), new Set())
})

t.test('a foreign page cannot give orders', async t => {
  const body = JSON.stringify({ action: 'freeze', frozen: true })
  const plain = await fetch(`${admin}/api/tuner`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body })
  t.equal(plain.status, 403)
  t.notMatch((await tune('status')).out, /frozen/)
})
