/** `hearthgate report` and `explain --live | --id` against a gateway in a process of its own. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { run } from '../../../gateway/cli/index.ts'
import { base } from '../../support/gateway.ts'
import { type GatewayProcess, gatewayProcess } from '../../support/gateway-process.ts'
import { exchange } from '../../support/raw-client.ts'
import { answer } from '../../support/raw-origin.ts'
import { eventually, originFor } from '../support.ts'

async function cli(cwd: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const code = await run(args, { stdout, stderr, cwd, env: {}, color: false })
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

async function wikiGateway(t: Test): Promise<GatewayProcess & { asked: string[]; heads: string[][] }> {
  const asked: string[] = []
  const heads: string[][] = []
  const origin = await originFor(t, ({ target, lines }, socket) => {
    asked.push(target)
    heads.push(lines)
    socket.write(answer(200, { 'Cache-Control': 'public, max-age=600' }, target))
  })
  const file = `${base}routes:
  - { name: wiki, match: { host: wiki.test }, upstream: "${origin.url}" }
  - { name: dead, match: { host: dead.test }, upstream: "http://127.0.0.1:1", health: { hold: 0s } }
`
  return Object.assign(await gatewayProcess(t, file), { asked, heads })
}

const { folder, port, asked, heads } = await wikiGateway(t)
const askedFor = (target: string) => asked.filter(one => one === target).length

t.test('explain --live sends the request through the gateway and tells what became of it', async t => {
  const first = await cli(folder, 'explain', 'GET', 'http://wiki.test/page?a=1', '--live', '-H', 'Accept-Language: de')
  t.match(first, { code: 0, err: '' })
  t.equal(askedFor('/page?a=1'), 1)
  t.match(first.out, /WHAT HAPPENED[\s\S]*answer +200[\s\S]*attempts +1/)
  const again = await cli(folder, 'explain', 'get', 'http://wiki.test/page?a=1', '--live', '--json')
  const { request, explanation } = JSON.parse(again.out)
  t.match(request, { status: 200, route: 'wiki', cache: /hit/ })
  t.equal(explanation.route.name, 'wiki')
  t.equal(askedFor('/page?a=1'), 1, 'answered from the store, as it says')
})

t.test('--live sends each field it was given, and expects what they lead to', async t => {
  const fields = ['-H', 'Accept-Encoding: br', '-H', 'X-Tag: one', '-H', 'X-Tag: two']
  const { out } = await cli(folder, 'explain', 'GET', 'http://wiki.test/fields', '--live', '--json', ...fields)
  const { request, explanation } = JSON.parse(out)
  t.equal(request.status, 200)
  t.match(heads.at(-1)?.join('; '), /x-tag: one(, |; x-tag: )two/i)
  t.match(explanation.decisions.compression.text, /br/)
})

t.test('--live tells why an app that is away was no help', async t => {
  const { out, code } = await cli(folder, 'explain', 'GET', 'http://dead.test/', '--live')
  t.equal(code, 0)
  t.match(out, /answer +50[234] /)
  await eventually(async () => (await cli(folder, 'report')).out.includes('dead failed in 1 of 1 requests'))
})

t.test('explain --id tells of a request of the past, by the id that its answer had', async t => {
  const { headers } = await exchange(port, 'GET /old HTTP/1.1\r\nHost: wiki.test\r\n\r\n')
  const id = headers['x-request-id'] as string
  t.match(await cli(folder, 'explain', '--id', id), { code: 0, out: new RegExp(`request +${id}`) })
  t.match(await cli(folder, 'explain', '--id', 'none'), { code: 1, err: /no request of this id is among the last/ })
})

t.test('what --live cannot send it says, and sends nothing', async t => {
  const before = asked.length
  for (const [args, reason] of [
    [['POST', 'http://wiki.test/'], /--live sends only GET, HEAD and OPTIONS; POST/],
    [['GET', 'https://wiki.test/'], /no listener for https:/],
    [['GET', 'wiki'], /write a whole address/],
    [['GET', 'http://wiki.test/', '-H', 'x'], /write each header as/],
    [['GET', 'http://wiki.test/', '-H', 'bad name: x'], /no client can send the header/],
    [['GET', 'http://wiki.test/', '-H', 'X-Name: 名'], /no client can send|this cannot be sent/],
    [['GET', 'http://wiki.test/', '-H', 'host: dead.test'], /the host stands in the address/],
  ] as const) {
    t.match(await cli(folder, 'explain', ...args, '--live'), { code: 1, err: reason, out: '' })
  }
  t.equal(asked.length, before)
})

t.test('report tells of what was just asked, in three forms', async t => {
  for (let i = 0; i < 3; i++) await exchange(port, 'GET /told HTTP/1.1\r\nHost: wiki.test\r\n\r\n')
  // The three of here, three that were sent live, and one by its id.
  await eventually(async () => (await cli(folder, 'report', '--json')).out.includes('"requests": 7'))
  const json = JSON.parse((await cli(folder, 'report', '--json', '--since', '1h')).out)
  t.match(json.routes, [
    { route: 'wiki', requests: 7, callsAvoided: 3 },
    { route: 'dead', errors: 1 },
  ])
  t.equal(json.isPartial, true, 'it runs for less than an hour')
  t.match(await cli(folder, 'report'), { code: 0, out: /ROUTE +REQUESTS[\s\S]*wiki +7 /, err: '' })
  t.match(await cli(folder, 'report', '--html'), { code: 0, out: /^<!doctype html>[\s\S]*<td>wiki<\/td><td>7<\/td>/ })
})

t.test('report refuses what it cannot mean', async t => {
  t.match(await cli(folder, 'report', '--since', '999999999999h'), { code: 1, err: /at most 24d/ })
  t.match(await cli(folder, 'report', '--since', 'yesterday'), { code: 1, err: /write a duration, such as 24h/ })
  t.match(await cli(folder, 'report', '--json', '--html'), { code: 64, err: /not both/ })
  t.match(await cli(folder, 'report', '--admin', 'here'), { code: 1, err: /write the admin address as/ })
})

t.test('both tell of the tuner: the running one when live, its ledger afterwards', async t => {
  const pin = await cli(folder, 'tune', 'pin', 'wiki', 'admission.max_concurrency', '7')
  t.equal(pin.code, 0)
  const live = await cli(folder, 'explain', 'GET', 'http://wiki.test/tuned', '--live')
  t.match(live.out, /TUNER\n +mode +apply \(policy measured\)\n +known from +the running gateway\n/)
  t.match(live.out, /admission\.max_concurrency +7, configured 16 \(apply, pinned/)
  const offline = await cli(folder, 'explain', 'GET', 'http://wiki.test/tuned')
  t.match(offline.out, /known from +nothing: no ledger in state_dir/)
  const { knobs } = JSON.parse((await cli(folder, 'tune', 'status', '--json')).out) as { knobs: object[] }
  const ledger = { version: 1, savedAt: Date.now(), identities: {}, controller: null, pins: [], entries: [{}], knobs }
  writeFileSync(
    join(folder, 'state', 'tuner.json'),
    JSON.stringify({ ...ledger, knobs: [...knobs, null, { scope: 'wiki' }] }),
  )
  const told = await cli(folder, 'explain', 'GET', 'http://wiki.test/tuned')
  t.match(told, { code: 0, err: '' })
  t.match(told.out, /known from +the ledger of 20\d\d-/)
  t.match(told.out, /admission\.max_concurrency +7, configured 16 \(apply, pinned/)
  const { explanation } = JSON.parse(
    (await cli(folder, 'explain', 'GET', 'http://wiki.test/x', '--live', '--json')).out,
  )
  t.equal(explanation.decisions.tuner.source, 'running')
  await cli(folder, 'tune', 'unpin', 'wiki', 'admission.max_concurrency')
})
