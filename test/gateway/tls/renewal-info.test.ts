/** ARI (RFC 9773): what is read of it, and what a keeper does by it. Debian's pebble has none, so a small directory stands in. */
import { X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { CertificateKeeper, foldersOf } from '../../../gateway/certificates/index.ts'
import { issueLeaf, openLocalCa } from '../../../gateway/certificates/local-ca.ts'
import { certificateId, nextLook, readWindow, suggestedTime } from '../../../gateway/certificates/renewal-info.ts'
import { loadConfig } from '../../../gateway/config/load.ts'
import { selfSigned } from '../../support/certificates.ts'
import { folderOf } from '../../support/folder.ts'
import { eventually } from '../support.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** The certificate of RFC 9773 §4.1, as far as it matters: its AKI as it lies in the extensions. */
const AKI = '301f0603551d230418301680146988' + '5b6b87464041e1b37b847ba0ae2cde01c8d4'

t.test('a certificate is known by its authority and its number (§4.1)', async t => {
  const raw = Buffer.from(AKI, 'hex')
  t.equal(certificateId({ raw, serialNumber: '87654321' }), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE')
  t.equal(certificateId({ raw, serialNumber: '123' }), 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.ASM')
  t.equal(certificateId({ raw: raw.subarray(0, 12), serialNumber: '01' }), null)
})

t.test('a window is two times in order (§4.2)', async t => {
  const window = (start: unknown, end: unknown) => readWindow({ suggestedWindow: { start, end } })
  const [start, end] = ['2026-01-02T04:00:00Z', '2026-01-03T04:00:00Z']
  t.strictSame(window(start, end), { startMs: Date.parse(start), endMs: Date.parse(end) })
  for (const odd of [window(end, start), window(start, start), window(start, 'x'), readWindow(null), readWindow('x')])
    t.equal(odd, null)
})

t.test('the time within it, and when to ask again', async t => {
  const lifetime = { notBeforeMs: 0, notAfterMs: 90 * DAY, names: [] }
  t.equal(suggestedTime({ startMs: 10 * DAY, endMs: 20 * DAY }, lifetime, 0.5), 15 * DAY)
  t.equal(suggestedTime({ startMs: 80 * DAY, endMs: 100 * DAY }, lifetime, 1), 81 * DAY, 'a tenth is left in any case')
  t.equal(nextLook(null, 0), 6 * HOUR)
  t.equal(nextLook(1, 0), 60_000)
  t.equal(nextLook(30 * DAY, 0), DAY)
})

interface Directory {
  readonly hasInfo: boolean
  /** Days from now. */
  readonly start: number
}

/** An authority that tells when to renew, and refuses every order. */
async function directory(t: Test, { hasInfo, start }: Directory) {
  const own = selfSigned('localhost')
  const asked: string[] = []
  const orders: { replaces?: string }[] = []
  const server = createServer(own, async (request, answer) => {
    const base = `https://localhost:${(server.address() as AddressInfo).port}`
    let text = ''
    for await (const part of request) text += part
    const json = (status: number, body: object) => {
      const headers = { 'Content-Type': 'application/json', 'Replay-Nonce': 'abcd', Location: `${base}/account` }
      answer.writeHead(status, headers).end(JSON.stringify(body))
    }
    asked.push(request.url ?? '')
    const window = { start: new Date(Date.now() + start * DAY), end: new Date(Date.now() + (start + 1) * DAY) }
    if (request.url === '/dir') {
      const urls = { newNonce: `${base}/nonce`, newAccount: `${base}/account`, newOrder: `${base}/order` }
      return json(200, { ...urls, meta: {}, ...(hasInfo ? { renewalInfo: `${base}/info` } : {}) })
    }
    if (request.url?.startsWith('/info/')) return json(200, { suggestedWindow: window })
    if (request.url !== '/order') return json(200, { status: 'valid' })
    orders.push(JSON.parse(Buffer.from(JSON.parse(text).payload, 'base64url').toString()))
    json(409, { type: 'urn:ietf:params:acme:error:alreadyReplaced', detail: 'no more today' })
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  return { asked, orders, ca: own.cert, url: `https://localhost:${(server.address() as AddressInfo).port}/dir` }
}

/** A keeper with a certificate of 14 days that is a day old. */
async function keep(t: Test, about: Directory) {
  const { ca, url, asked, orders } = await directory(t, about)
  const dir = folderOf(t, {
    'ca.pem': ca,
    'gateway.yaml': `listen: [{ port: 80 }, { port: 443, tls: { acme: true, hosts: [a.test] } }]
acme: { email: a@b.c, agree: true, directory: "${url}", ca: ca.pem }
routes: [{ name: a, upstream: http://10.0.0.9 }]
`,
  })
  const loaded = loadConfig(join(dir, 'gateway.yaml'))
  if (!loaded.ok) throw new Error('the configuration is not good')
  const { config } = loaded
  const said: string[] = []
  const note = (fields: object, text: string) => void said.push(`${text} ${JSON.stringify(fields)}`)
  const keeper = new CertificateKeeper({ info: note, warn: note, error: note }, { lookMs: 20, random: () => 0.5 })
  t.teardown(() => keeper.close())
  await keeper.prepare(config)
  const authority = await openLocalCa(join(dir, 'other'), ['a.test'], Date.now())
  const pem = await issueLeaf(authority, ['a.test'], Date.now())
  writeFileSync(join(foldersOf(config).acme, 'a.test.pem'), pem)
  keeper.use(config)
  return { said, asked, orders, id: certificateId(new X509Certificate(pem)) }
}

const pause = () => new Promise(resolve => setTimeout(resolve, 200))

t.test('a window that is over is a reason to renew at once, and the order says what it replaces (§5)', async t => {
  const { said, asked, orders, id } = await keep(t, { hasInfo: true, start: -3 })
  await eventually(() => said.some(line => line.startsWith('certificate not issued')))
  t.ok(said.some(line => line.includes('"reason":"suggested"')))
  t.ok(asked.includes(`/info/${id}`))
  t.strictSame(
    orders.map(({ replaces }) => replaces),
    [id, undefined],
    'an authority that does not want to hear it gets the order without',
  )
})

t.test('a window to come is waited for, and not asked for at each look', async t => {
  const { said, asked, orders } = await keep(t, { hasInfo: true, start: 3 })
  await eventually(() => asked.length >= 2)
  await pause()
  t.equal(asked.length, 2)
  t.strictSame([said, orders], [[], []])
})

t.test('an authority that has none is asked once in a while', async t => {
  const { said, asked } = await keep(t, { hasInfo: false, start: 0 })
  await eventually(() => asked.length >= 1)
  await pause()
  t.strictSame(asked, ['/dir'])
  t.strictSame(said, [])
})
