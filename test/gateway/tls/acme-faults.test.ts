/** Orders that go wrong on our side: a full disk, a clock far ahead, a command that is cut, an account that needs another. */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { AcmeLibrary } from '../../../gateway/certificates/acme-http.ts'
import { type Proof, showProof } from '../../../gateway/certificates/challenges.ts'
import { CertificateKeeper, foldersOf } from '../../../gateway/certificates/index.ts'
import { loadConfig } from '../../../gateway/config/load.ts'
import type { AcmeConfig } from '../../../gateway/config/types.ts'
import { folderOf } from '../../support/folder.ts'
import { freePorts } from '../../support/free-ports.ts'
import { startGateway } from '../../support/gateway.ts'
import { eventually } from '../support.ts'
import { skipWithoutPebble, startPebble } from './pebble.ts'

const DAY = 86_400_000

const yaml = (ports: readonly number[], acme: string) => `
listen: [{ host: 127.0.0.1, port: ${ports[0]} }, { host: 127.0.0.1, port: ${ports[1]}, tls: { acme: true } }]
acme: { email: me@example.com, agree: true, ${acme} }
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }
routes: [{ name: a, match: { host: wiki.example.com }, upstream: 'builtin:demo' }]
`

/** Empty where there is no such file. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function lines() {
  const said: string[] = []
  const note = (fields: object, text: string) => void said.push(`${text} ${JSON.stringify(fields)}`)
  return { said, info: note, warn: note, error: note }
}

function keep(t: Test, nowMs: () => number) {
  const log = lines()
  const keeper = new CertificateKeeper(log, { now: nowMs, lookMs: 20, random: () => 0.5 })
  t.teardown(() => keeper.close())
  return { keeper, log, count: (text: string) => log.said.filter(line => line.startsWith(text)).length }
}

const pause = () => new Promise(resolve => setTimeout(resolve, 300))

t.test('attempts that cannot be written down are no reason to order at each look', async t => {
  const ports = await freePorts(3)
  const folder = folderOf(t, { 'gateway.yaml': yaml(ports, `directory: "https://127.0.0.1:${ports[2]}/dir"`) })
  const loaded = loadConfig(join(folder, 'gateway.yaml'))
  if (!loaded.ok) throw new Error('the configuration is not good')
  const { keeper, count } = keep(t, Date.now)
  await keeper.prepare(loaded.config)
  // Nothing can take the name of a folder that is not empty.
  mkdirSync(join(foldersOf(loaded.config).acme, 'attempts.json', 'x'), { recursive: true })
  keeper.use(loaded.config)
  await eventually(() => count('certificate not issued') === 1)
  await pause()
  t.equal(count('certificate is being ordered'), 1)
  t.equal(count('attempts to get certificates cannot be written down'), 1)
})

t.test('a certificate that is over by our clock is not ordered at each look', { skip: skipWithoutPebble }, async t => {
  const folder = folderOf(t)
  const ports = await freePorts(2)
  const pebble = await startPebble(t, { folder, httpPort: ports[0] as number, validity: (90 * DAY) / 1000 })
  const { gateway } = await startGateway(t, yaml(ports, `directory: "${pebble.directory}", ca: ${pebble.ca}`))
  const file = join(foldersOf(gateway.config).acme, 'wiki.example.com.pem')
  const read = () => textOf(file)
  await eventually(() => read() !== '')
  const before = read()
  const { keeper, log, count } = keep(t, () => Date.now() + 3650 * DAY)
  keeper.use(gateway.config)
  await eventually(() => count('certificate not issued') === 1)
  await pause()
  t.equal(count('certificate is being ordered'), 1)
  t.ok(log.said.some(line => line.includes('over by the clock of this machine')))
  t.equal(read(), before, 'the old one stays')
})

t.test('an account bound to one that the authority knows already', { skip: skipWithoutPebble }, async t => {
  const key = randomBytes(32).toString('base64url')
  const folder = folderOf(t, { 'eab.key': `${key}\n`, 'wrong.key': randomBytes(32).toString('base64url') })
  const ports = await freePorts(2)
  const pebble = await startPebble(t, { folder, httpPort: ports[0] as number, customer: { id: 'kid-1', key } })
  const with_ = (file: string) =>
    yaml(
      ports,
      `directory: "${pebble.directory}", ca: ${pebble.ca}, eab: { key_id: kid-1, hmac_file: ${join(folder, file)} }`,
    )
  const { gateway, rewrite, admin } = await startGateway(t, with_('wrong.key'))
  const folderNow = () => foldersOf(gateway.config).acme
  const attempts = () => textOf(join(folderNow(), 'attempts.json'))
  await eventually(() => attempts().includes('"failures":1'))
  t.ok(await rewrite(with_('eab.key')))
  await eventually(() => textOf(join(folderNow(), 'wiki.example.com.pem')) !== '')
  t.notMatch(JSON.stringify(await admin('/api/config')), key)
})

/** A proof by a command that notes how it is called, and does as `then` says after it. */
function recordProof(t: Test, then: string, dnsWaitMs: number) {
  const folder = folderOf(t, { 'hook.sh': `#!/bin/sh\necho "$@" >> "$0.calls"\n[ "$1" = cleanup ] || ${then}\n` })
  const hook = join(folder, 'hook.sh')
  chmodSync(hook, 0o755)
  const config = { dnsHook: [hook], dnsWaitMs } as unknown as AcmeConfig
  const proof = {
    challenge: { type: 'dns-01' },
    authorization: { identifier: { value: 'example.com' } },
    answer: 'digest',
  } as unknown as Proof
  const stop = new AbortController()
  const around = { config, folders: {} as ReturnType<typeof foldersOf>, signal: stop.signal }
  const calls = () => textOf(`${hook}.calls`).trim().split('\n').filter(Boolean)
  return { shown: showProof({} as AcmeLibrary, proof, around), stop, calls }
}

const both = ['present _acme-challenge.example.com digest', 'cleanup _acme-challenge.example.com digest']

t.test('a record whose wait is cut is taken back', async t => {
  const { shown, stop, calls } = recordProof(t, 'true', 60_000)
  await eventually(() => calls().length === 1)
  setTimeout(() => stop.abort(), 50)
  await t.rejects(shown, { name: 'AbortError' })
  t.strictSame(calls(), both)
})

t.test('a command that fails may have set its record before', async t => {
  const { shown, calls } = recordProof(t, '{ echo no such zone >&2; exit 3; }', 0)
  await t.rejects(shown, /dns_hook present failed: no such zone/)
  t.strictSame(calls(), both)
})

t.test(
  'a key of the authority that is none is told by its key, and not shown',
  { skip: skipWithoutPebble },
  async t => {
    const folder = mkdtempSync(join(tmpdir(), 'hearthgate-acme-'))
    // The keeper may still be writing down when it tries again.
    t.teardown(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }))
    writeFileSync(join(folder, 'eab.key'), 'not a key at all!')
    const ports = await freePorts(2)
    const pebble = await startPebble(t, { folder, httpPort: ports[0] as number })
    const acme = `directory: "${pebble.directory}", ca: ${pebble.ca}, eab: { key_id: k, hmac_file: ${folder}/eab.key }`
    writeFileSync(join(folder, 'gateway.yaml'), yaml(ports, acme))
    const loaded = loadConfig(join(folder, 'gateway.yaml'))
    if (!loaded.ok) throw new Error('the configuration is not good')
    const { keeper, log, count } = keep(t, Date.now)
    await keeper.prepare(loaded.config)
    keeper.use(loaded.config)
    await eventually(() => count('certificate not issued') === 1)
    t.ok(log.said.some(line => line.includes('hmac_file does not hold a key')))
    t.notOk(log.said.some(line => line.includes('not a key at all')))
  },
)
