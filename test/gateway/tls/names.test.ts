/** Which names get a certificate from whom, and what the own CA may vouch for. */
import t from 'tap'
import {
  decodePermitted,
  encodePermitted,
  isPermitted,
  permittedFor,
} from '../../../gateway/certificates/name-constraints.ts'
import { filesOf, wantedCertificates } from '../../../gateway/certificates/names.ts'
import { configOf } from '../config/support.ts'

const HOSTS = '[wiki.example.org, "*.example.org", nas.lan, 192.168.1.2, "[fd00::1]", "*"]'

function configWith(tls: string, acme = 'acme: { email: a@b.c, agree: true }') {
  return configOf(`listen: [{ port: 80 }, { port: 443, tls: ${tls} }]
${acme}
routes:
  - { name: a, match: { host: ${HOSTS} }, upstream: http://10.0.0.9 }
  - { name: b, match: { host: [wiki.example.org, photos.example.net], path: /b }, upstream: http://10.0.0.9 }
  - { name: shut, match: { host: shut.example.org }, deny: true }
`)
}

const acmeNames = (tls: string, acme?: string) =>
  wantedCertificates(configWith(tls, acme)).acme.flatMap(({ names }) => names)
const short = (file: string) => file.replace(/.*\/certificates\//, '').replace(/acme\/\w+/, 'acme')

t.test('a public authority is asked for what it can give', async t => {
  t.strictSame(acmeNames('{ acme: true }'), ['wiki.example.org', 'photos.example.net'])
  t.strictSame(acmeNames('{ acme: true, hosts: [one.example.org] }'), ['one.example.org'])
  const dns = 'acme: { email: a@b.c, agree: true, challenge: dns-01, dns_hook: [hook] }'
  t.strictSame(
    acmeNames('{ acme: true }', dns),
    ['*.example.org', 'photos.example.net'],
    'a wildcard stands for others',
  )
  const own = 'acme: { email: a@b.c, agree: true, directory: "https://ca.home.arpa/dir" }'
  t.strictSame(acmeNames('{ acme: true }', own), ['wiki.example.org', 'nas.lan', 'photos.example.net'])
})

t.test('the own CA gives each name its own, and addresses one together', async t => {
  const { local } = wantedCertificates(configWith('{ local_ca: true }', ''))
  t.strictSame(
    local.map(({ names, file }) => [short(file), ...names]),
    [
      ['local/default.pem', 'localhost', '127.0.0.1', '::1', '192.168.1.2', 'fd00::1'],
      ['local/wiki.example.org.pem', 'wiki.example.org'],
      ['local/_.example.org.pem', '*.example.org'],
      ['local/nas.lan.pem', 'nas.lan'],
      ['local/photos.example.net.pem', 'photos.example.net'],
    ],
  )
})

t.test('the own CA stands in for ACME, and the placeholder for both', async t => {
  const config = configWith('[{ local_ca: true, hosts: [nas.lan] }, { acme: true, hosts: [a.example.org] }]')
  t.strictSame(filesOf(config.listen[1]?.tls ?? [], config).map(short), [
    'acme/a.example.org.pem',
    'local/default.pem',
    'local/nas.lan.pem',
    'placeholder.pem',
  ])
})

t.test('another directory has other files', async t => {
  const [one, two] = ['letsencrypt', 'letsencrypt-staging'].map(directory => {
    const config = configWith('{ acme: true }', `acme: { email: a@b.c, agree: true, directory: ${directory} }`)
    return wantedCertificates(config).acme[0]?.file
  })
  t.not(one, two)
})

t.test('what the CA may vouch for', async t => {
  const permitted = permittedFor(['wiki.example.org', '*.cloud.example.net', 'single', '203.0.113.5', '10.1.2.3'])
  const allowed = ['a.home.arpa', 'nas.lan', 'photos.example.org', 'x.cloud.example.net', '*.example.org', 'single']
  for (const host of [...allowed, '10.9.9.9', '192.168.0.1', '203.0.113.5', 'fd00::1', '::1'])
    t.equal(isPermitted(host, permitted), true, host)
  const others = ['example.com', 'notexample.org', 'cloud.example.com', 'org', '8.8.8.8', '203.0.113.6', '2001:db8::1']
  for (const host of [...others, '11.0.0.1', '172.32.0.1', '::2']) t.equal(isPermitted(host, permitted), false, host)
})

t.test('it is read back as it was written', async t => {
  const permitted = permittedFor(Array.from({ length: 40 }, (_, i) => `host.domain-${i}.example`))
  const read = decodePermitted(encodePermitted(permitted))
  t.strictSame(read.dns, permitted.dns)
  t.strictSame(read.ip.map(String), permitted.ip.map(String))
  t.throws(() => decodePermitted(encodePermitted(permitted).subarray(0, 100)), RangeError)
})
