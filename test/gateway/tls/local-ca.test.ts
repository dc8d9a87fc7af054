/** The gateway's own authority: what openssl, Node and the file system say of it. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { connect, type PeerCertificate } from 'node:tls'
import t from 'tap'
import { CertificateKeeper } from '../../../gateway/certificates/index.ts'
import { openLocalCa } from '../../../gateway/certificates/local-ca.ts'
import { readStored } from '../../../gateway/certificates/state-files.ts'
import { runTrust } from '../../../gateway/cli/trust.ts'
import { loadConfig } from '../../../gateway/config/load.ts'
import { folderOf } from '../../support/folder.ts'
import { startGateway } from '../../support/gateway.ts'
import { eventually } from '../support.ts'

const DAY = 86_400_000

const yaml = (hosts = 'wiki.home.arpa, "*.cloud.home.arpa"', tls = '{ local_ca: true }') => `
listen: { host: 127.0.0.1, port: 0, tls: ${tls} }
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }
routes:
  - { name: a, match: { host: [${hosts}] }, upstream: 'builtin:demo' }
`

/** What a device that trusts `ca` gets for a name; without a name as for an address. Rejects where it is refused. */
function handshake(port: number, ca: string, servername?: string): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const asked = servername === undefined ? {} : { servername }
    const socket = connect({ port, host: '127.0.0.1', ca: readFileSync(ca), ...asked }, () => {
      resolve(socket.getPeerCertificate())
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString()
const modeOf = (file: string) => (statSync(file).mode & 0o777).toString(8)

t.test('names of the routes get certificates that a device with the CA accepts', async t => {
  const { port, folder, rewrite } = await startGateway(t, yaml())
  const certificates = join(folder, 'state', 'certificates')
  const ca = join(certificates, 'local-ca', 'ca.pem')

  t.equal((await handshake(port, ca, 'wiki.home.arpa')).subjectaltname, 'DNS:wiki.home.arpa', 'its own, and no other')
  t.equal((await handshake(port, ca, 'a.cloud.home.arpa')).subjectaltname, 'DNS:*.cloud.home.arpa')
  t.match((await handshake(port, ca)).subjectaltname, /IP Address:127\.0\.0\.1/, 'an address has no SNI')
  await t.rejects(handshake(port, ca, 'other.home.arpa'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })

  t.equal(modeOf(join(certificates, 'local-ca')), '700')
  t.equal(modeOf(join(certificates, 'local-ca', 'ca.key')), '600')
  t.equal(modeOf(join(certificates, 'local')), '700')
  t.equal(modeOf(join(certificates, 'local', 'wiki.home.arpa.pem')), '600')
  const leaf = join(certificates, 'local', 'wiki.home.arpa.pem')
  const strict = ['verify', '-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'wiki.home.arpa']
  t.match(openssl(...strict, '-CAfile', ca, leaf), /: OK/)

  const before = readFileSync(ca, 'utf8')
  t.ok(await rewrite(yaml('wiki.home.arpa, photos.home.arpa')))
  t.equal((await handshake(port, ca, 'photos.home.arpa')).subjectaltname, 'DNS:photos.home.arpa', 'a reload is enough')
  t.equal(readFileSync(ca, 'utf8'), before, 'the CA stays')
})

t.test('`hosts` names what certificates are for', async t => {
  const { port, folder } = await startGateway(t, yaml('"*"', '{ local_ca: true, hosts: [nas.lan, 192.168.1.2] }'))
  const ca = join(folder, 'state/certificates/local-ca/ca.pem')
  t.equal((await handshake(port, ca, 'nas.lan')).subjectaltname, 'DNS:nas.lan')
  t.match((await handshake(port, ca)).subjectaltname, /IP Address:192\.168\.1\.2/)
})

t.test('the CA cannot vouch for names of others', async t => {
  const dir = folderOf(t)
  await openLocalCa(join(dir, 'ca'), ['wiki.home.arpa'], Date.now())
  const [ca, key] = [join(dir, 'ca/ca.pem'), join(dir, 'ca/ca.key')]
  const forge = (name: string) => {
    const [csr, out, extensions] = [join(dir, 'x.csr'), join(dir, 'x.pem'), join(dir, 'x.ext')]
    const subject = ['-subj', '/CN=x', '-addext', `subjectAltName=${name}`]
    openssl(
      'req',
      '-new',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      extensions,
      '-out',
      csr,
      ...subject,
    )
    openssl('x509', '-req', '-in', csr, '-CA', ca, '-CAkey', key, '-copy_extensions', 'copy', '-days', '3', '-out', out)
    return () => openssl('verify', '-CAfile', ca, out)
  }
  t.match(forge('DNS:cloud.home.arpa')(), /OK/)
  t.match(forge('IP:192.168.7.7')(), /OK/)
  t.throws(forge('DNS:bank.example'), /permitted subtree violation/)
  t.throws(forge('IP:8.8.8.8'), /permitted subtree violation/)
})

t.test(
  'a certificate is made anew when a third of its time is left, and what the CA cannot vouch for is said',
  async t => {
    const dir = folderOf(t, { 'gateway.yaml': yaml() })
    const loaded = loadConfig(join(dir, 'gateway.yaml'))
    if (!loaded.ok) throw new Error('it is sound')
    const { config } = loaded
    const file = join(dir, 'state/certificates/local/wiki.home.arpa.pem')
    const lines: string[] = []
    const log = {
      info() {},
      error() {},
      warn: (fields: object, text: string) => void lines.push(JSON.stringify(fields) + text),
    }
    let nowMs = Date.now()
    const keeper = new CertificateKeeper(log, { now: () => nowMs, lookMs: 20 })
    t.teardown(() => keeper.close())
    const serial = async () => (await readStored(file))?.certificate.serialNumber

    await keeper.prepare(config)
    const first = await serial()
    await keeper.prepare(config)
    t.equal(await serial(), first, 'a fresh one stays')
    keeper.use(config)
    nowMs += 10 * DAY
    await eventually(async () => (await serial()) !== first)
    const second = await readStored(file)
    t.ok((second?.notAfterMs ?? 0) > nowMs + 13 * DAY, 'without a restart')

    writeFileSync(file, readFileSync(file, 'utf8').replace(/-----BEGIN PRIVATE KEY[\s\S]*/, ''))
    await keeper.prepare(config)
    t.match(readFileSync(file, 'utf8'), /BEGIN PRIVATE KEY/, 'a file without its key is of no use')

    const foreign = join(dir, 'foreign.yaml')
    writeFileSync(foreign, yaml('wiki.home.arpa, cloud.example.org'))
    const other = loadConfig(foreign)
    if (!other.ok) throw new Error('it is sound')
    await keeper.prepare(other.config)
    await keeper.prepare(other.config)
    t.equal(lines.length, 1, 'once')
    t.match(lines[0], /cloud\.example\.org.*cannot vouch/)
    t.equal(await readStored(join(dir, 'state/certificates/local/cloud.example.org.pem')), null)

    rmSync(join(dir, 'state/certificates/local-ca/ca.key'))
    await t.rejects(
      keeper.prepare(config),
      { code: 'HG_TLS', message: /ca\.key is missing/ },
      'no second CA in silence',
    )
    rmSync(join(dir, 'state/certificates/local-ca'), { recursive: true })
    await keeper.prepare(config)
    t.not(await serial(), second?.certificate.serialNumber, 'certificates of a CA that is gone are made anew')
  },
)

t.test('no CA is made while the clock is wrong', async t => {
  const dir = folderOf(t)
  await t.rejects(openLocalCa(join(dir, 'ca'), [], 0), { code: 'HG_TLS', message: /the clock is wrong \(1970-/ })
  t.ok(await openLocalCa(join(dir, 'ca'), [], Date.now()))
})

t.test('trust tells where the CA is, for people and for scripts', async t => {
  const dir = folderOf(t, { 'gateway.yaml': yaml(), 'plain.yaml': 'routes: []\n' })
  const run = async (config: string, json = false) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const code = await runTrust({ config, json }, { stdout, stderr, cwd: dir, env: {}, color: false })
    return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
  }
  t.match(await run('plain.yaml'), { code: 1, err: /no listener has "tls: \{ local_ca: true \}"/ })
  t.match(await run('gateway.yaml'), { code: 1, err: /start the gateway once/ })
  await openLocalCa(join(dir, 'state/certificates/local-ca'), [], Date.now())
  const { code, out } = await run('gateway.yaml')
  t.equal(code, 0)
  const ca = join(dir, 'state/certificates/local-ca/ca.pem')
  const fingerprint = openssl('x509', '-in', ca, '-noout', '-fingerprint', '-sha256').trim().split('=')[1] ?? ''
  t.ok(out.includes(fingerprint) && out.includes(ca))
  for (const system of ['Windows', 'macOS', 'iPhone', 'Android', 'Debian', 'Firefox'])
    t.ok(out.includes(system), system)
  t.match(JSON.parse((await run('gateway.yaml', true)).out), { file: ca, fingerprint })
})

t.test('gateways that start at once share one authority, and none leaves half of one', async t => {
  const root = folderOf(t)
  const folder = join(root, 'local-ca')
  const made = await Promise.all(Array.from({ length: 5 }, () => openLocalCa(folder, ['a.home.arpa'], Date.now())))
  t.equal(new Set(made.map(({ certificate }) => certificate.fingerprint256)).size, 1)
  t.strictSame(readdirSync(root), ['local-ca'])
  t.strictSame(readdirSync(folder).toSorted(), ['ca.key', 'ca.pem'])
  t.equal(modeOf(folder), '700')
})

t.test('what a gateway left that was killed while it made its CA is removed, and nothing else', async t => {
  const dir = folderOf(t, {
    'ca.new-abCD12': { 'ca.key': 'a key that nothing was signed with' },
    'ca.new-fresh1': { 'ca.key': 'of a gateway that starts now' },
    'ca.new-backup-of-mine': { 'ca.key': 'kept by hand' },
    'ca.new-aFile1': 'no folder',
    elsewhere: { precious: 'what a link leads to' },
  })
  symlinkSync(join(dir, 'elsewhere'), join(dir, 'ca.new-aLink1'))
  const longAgo = new Date(Date.now() - DAY)
  for (const name of ['ca.new-abCD12', 'ca.new-backup-of-mine', 'ca.new-aFile1'])
    utimesSync(join(dir, name), longAgo, longAgo)
  await openLocalCa(join(dir, 'ca'), ['wiki.home.arpa'], Date.now())
  const kept = ['ca', 'ca.new-aFile1', 'ca.new-aLink1', 'ca.new-backup-of-mine', 'ca.new-fresh1', 'elsewhere']
  t.strictSame(readdirSync(dir).toSorted(), kept)
  t.strictSame(readdirSync(join(dir, 'elsewhere')), ['precious'])
})
