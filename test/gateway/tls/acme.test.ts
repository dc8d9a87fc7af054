/** Certificates by ACME from a real authority, by each of the three challenges, and what happens when there are none. */
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:https'
import { join } from 'node:path'
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import t from 'tap'
import { CertificateKeeper, foldersOf } from '../../../gateway/certificates/index.ts'
import { readStored } from '../../../gateway/certificates/state-files.ts'
import { folderOf } from '../../support/folder.ts'
import { freePorts } from '../../support/free-ports.ts'
import { startGateway } from '../../support/gateway.ts'
import { eventually } from '../support.ts'
import { type Pebble, skipWithoutPebble, startPebble } from './pebble.ts'

const DAY = 86_400_000

interface Setting {
  readonly plainPort: number
  readonly tlsPort: number
  readonly hosts: string
  readonly acme: string
}

const yaml = ({ plainPort, tlsPort, hosts, acme }: Setting) => `
listen:
  - { host: 127.0.0.1, port: ${plainPort}, redirect: https }
  - { host: 127.0.0.1, port: ${tlsPort}, tls: { acme: true } }
acme: { email: me@example.com, agree: true, ${acme} }
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }
routes:
  - { name: a, match: { host: [${hosts}] }, upstream: 'builtin:demo' }
`

const accountOf = ({ directory, ca }: Pebble) => `directory: "${directory}", ca: ${ca}`

/** What is shown for a name, whether it is trusted or not. */
function shown(port: number, servername: string): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate())
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

const showsName = async (port: number, name: string) => (await shown(port, name)).subjectaltname === `DNS:${name}`

/** A request on a connection of its own, or on a kept one, from a client that trusts `ca`. */
function visit(port: number, ca: string, host: string, agent: Agent | false = false) {
  return new Promise<{ status: number; serial: string }>((resolve, reject) => {
    const options = { port, host: '127.0.0.1', servername: host, headers: { host }, ca, agent }
    get(options, answer => {
      const serial = (answer.socket as TLSSocket).getPeerCertificate().serialNumber
      answer.resume()
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, serial }))
    }).on('error', reject)
  })
}

const ask = async (port: number, ca: string, host: string): Promise<number> => (await visit(port, ca, host)).status

function quietLog() {
  const lines: { level: string; text: string; fields: Record<string, unknown> }[] = []
  const as = (level: string) => (fields: object, text: string) =>
    void lines.push({ level, text, fields: { ...fields } })
  return { lines, info: as('info'), warn: as('warn'), error: as('error') }
}

t.test(
  'HTTP-01: issued beside a running gateway, renewed without a failed request',
  { skip: skipWithoutPebble },
  async t => {
    const folder = folderOf(t)
    const [plainPort = 0, tlsPort = 0] = await freePorts(2)
    const pebble = await startPebble(t, { folder, httpPort: plainPort, validity: (90 * DAY) / 1000 })
    const setting = { plainPort, tlsPort, hosts: 'wiki.example.com, photos.example.com', acme: accountOf(pebble) }
    const { gateway } = await startGateway(t, yaml(setting))
    const ca = await pebble.root()
    await eventually(
      async () => (await showsName(tlsPort, 'wiki.example.com')) && showsName(tlsPort, 'photos.example.com'),
      30_000,
    )
    t.equal(await ask(tlsPort, ca, 'wiki.example.com'), 200, 'a client that trusts the authority is served')

    const folders = foldersOf(gateway.config)
    const file = join(folders.acme, 'wiki.example.com.pem')
    for (const secret of [file, join(folders.acme, 'account.key')])
      t.equal(statSync(secret).mode & 0o777, 0o600, secret)
    t.equal(statSync(folders.acme).mode & 0o777, 0o700)

    const before = (await shown(tlsPort, 'wiki.example.com')).serialNumber
    const log = quietLog()
    const keeper = new CertificateKeeper(log, { now: () => Date.now() + 70 * DAY, lookMs: 60_000 })
    t.teardown(() => keeper.close())
    let failed = 0
    let isOver = false
    const served = new Map<string, number>()
    const kept = new Agent({ keepAlive: true, maxSockets: 1 })
    t.teardown(() => kept.destroy())
    const visitors = [false as const, false as const, false as const, kept].map(async agent => {
      while (!isOver) {
        const { status, serial } = await visit(tlsPort, ca, 'wiki.example.com', agent).catch(() => ({
          status: 0,
          serial: '',
        }))
        if (status === 200) served.set(serial, (served.get(serial) ?? 0) + 1)
        else failed++
      }
    })
    keeper.use(gateway.config)
    await eventually(async () => (await shown(tlsPort, 'wiki.example.com')).serialNumber !== before)
    await eventually(() => log.lines.filter(({ text }) => text === 'certificate issued').length === 2)
    const after = (await shown(tlsPort, 'wiki.example.com')).serialNumber
    await eventually(() => (served.get(after) ?? 0) > 10)
    isOver = true
    await Promise.all(visitors)
    t.equal(failed, 0)
    t.ok((served.get(before) ?? 0) > 10, 'visitors came while the old one was shown')
    t.equal(served.size, 2, 'and went on under the new one')
  },
)

t.test('TLS-ALPN-01, beside other clients of the same listener', { skip: skipWithoutPebble }, async t => {
  const folder = folderOf(t)
  const [plainPort = 0, tlsPort = 0] = await freePorts(2)
  const pebble = await startPebble(t, { folder, tlsPort })
  const acme = `${accountOf(pebble)}, challenge: tls-alpn-01`
  await startGateway(t, yaml({ plainPort, tlsPort, hosts: 'wiki.example.com', acme }))
  await eventually(() => showsName(tlsPort, 'wiki.example.com'))
  t.equal(await ask(tlsPort, await pebble.root(), 'wiki.example.com'), 200)
  const alone = { port: tlsPort, host: '127.0.0.1', servername: 'wiki.example.com', ALPNProtocols: ['acme-tls/1'] }
  const refused = new Promise((_resolve, reject) =>
    connect(alone)
      .on('error', reject)
      .on('end', () => reject(new Error('end'))),
  )
  await t.rejects(refused, 'a check that nobody waits for gets nothing')
})

t.test('DNS-01 by a command, for a wildcard', { skip: skipWithoutPebble }, async t => {
  const folder = folderOf(t)
  const [plainPort = 0, tlsPort = 0] = await freePorts(2)
  const pebble = await startPebble(t, { folder })
  const hook = join(folder, 'hook.sh')
  writeFileSync(
    hook,
    `#!/bin/sh
echo "$@" >> ${folder}/calls
[ "$2" = present ] && path=set-txt || path=clear-txt
exec curl -sf -d "{\\"host\\":\\"$3.\\",\\"value\\":\\"$4\\"}" ${pebble.dns}/$path
`,
  )
  chmodSync(hook, 0o755)
  const acme = `${accountOf(pebble)}, challenge: dns-01, dns_hook: [${hook}, zone]`
  await startGateway(t, yaml({ plainPort, tlsPort, hosts: '"*.home.example.com", wiki.home.example.com', acme }))
  await eventually(
    async () => (await shown(tlsPort, 'a.home.example.com')).subjectaltname === 'DNS:*.home.example.com',
    30_000,
  )
  t.equal(await ask(tlsPort, await pebble.root(), 'wiki.home.example.com'), 200, 'the wildcard is enough for both')
  const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n')
  t.equal(calls.length, 2)
  t.match(calls[0], /^zone present _acme-challenge\.home\.example\.com [\w-]{43}$/)
  t.match(calls[1], /^zone cleanup _acme-challenge\.home\.example\.com [\w-]{43}$/)
})

t.test(
  'a certificate that cannot be renewed stays, and is spoken of 14 days ahead',
  { skip: skipWithoutPebble },
  async t => {
    const folder = folderOf(t)
    const [plainPort = 0, tlsPort = 0] = await freePorts(2)
    const pebble = await startPebble(t, { folder, httpPort: plainPort, validity: (90 * DAY) / 1000 })
    const setting = { plainPort, tlsPort, hosts: 'wiki.example.com', acme: accountOf(pebble) }
    const { gateway } = await startGateway(t, yaml(setting))
    await eventually(() => showsName(tlsPort, 'wiki.example.com'))
    const before = (await shown(tlsPort, 'wiki.example.com')).serialNumber
    pebble.stop()

    const log = quietLog()
    let nowMs = Date.now() + 65 * DAY
    const keeper = new CertificateKeeper(log, { now: () => nowMs, lookMs: 20, random: () => 0.5 })
    t.teardown(() => keeper.close())
    keeper.use(gateway.config)
    const failures = () => log.lines.filter(({ text }) => text.startsWith('certificate not issued'))
    await eventually(() => failures().length === 1)
    t.match(failures()[0]?.text, /the old one stays/)
    t.equal(log.lines.filter(({ text }) => text.includes('runs out')).length, 0, 'a month is left: not yet')
    await new Promise(resolve => setTimeout(resolve, 200))
    t.equal(failures().length, 1, 'no second attempt before its time')

    nowMs += 13 * DAY
    await eventually(() =>
      log.lines.some(({ text }) => text === 'certificate runs out in 11 days and could not be renewed'),
    )
    t.equal((await shown(tlsPort, 'wiki.example.com')).serialNumber, before, 'it is the old one still')

    const again = new CertificateKeeper(log, { now: () => nowMs, lookMs: 60_000 })
    t.teardown(() => again.close())
    const count = failures().length
    again.use(gateway.config)
    await new Promise(resolve => setTimeout(resolve, 200))
    t.equal(failures().length, count, 'a restart is no reason to ask again')
  },
)

t.test('a gateway starts without its authority, and its own CA stands in', async t => {
  const [plainPort = 0, tlsPort = 0, nobody = 0] = await freePorts(3)
  const acme = `directory: "https://127.0.0.1:${nobody}/dir"`
  const setting = { plainPort, tlsPort, hosts: 'wiki.example.com', acme }
  const { gateway, rewrite } = await startGateway(t, yaml(setting))
  t.equal((await shown(tlsPort, 'wiki.example.com')).subjectaltname, 'DNS:hearthgate.invalid', 'nothing to show yet')
  const attempts = join(foldersOf(gateway.config).acme, 'attempts.json')
  await eventually(() => existsSync(attempts) && readFileSync(attempts, 'utf8').includes('"failures":1'))
  t.ok(await rewrite(yaml(setting).replace('tls: { acme: true }', 'tls: [{ acme: true }, { local_ca: true }]')))
  t.equal((await shown(tlsPort, 'wiki.example.com')).subjectaltname, 'DNS:wiki.example.com')
  t.equal(await readStored(join(foldersOf(gateway.config).acme, 'wiki.example.com.pem')), null)
})
