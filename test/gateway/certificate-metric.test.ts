/** When certificates run out, for an alarm: those in use, by name, also after a reload. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { certificateSignals } from '../../gateway/certificate-signals.ts'
import { Signals } from '../../plugins/contract/index.ts'
import { samplesOf } from '../plugins/metrics/support.ts'
import { startGateway } from '../support/gateway.ts'

const NAME = 'hearthgate_certificate_expiry_timestamp_seconds'

t.test('of certificates of one name the first to end counts, and one that is gone is not told', async t => {
  const signals = new Signals()
  const tell = certificateSignals(signals)
  const told = () =>
    [...signals.numbers()].flatMap(signal =>
      Array.from(signal.series(), ({ labels, point }) => [...labels, point.value]),
    )
  tell([
    { name: 'a', notAfterMs: 9000 },
    { name: 'a', notAfterMs: 5000 },
    { name: 'b', notAfterMs: 7000 },
  ])
  t.strictSame(told(), [
    ['a', 5],
    ['b', 7],
  ])
  tell([{ name: 'b', notAfterMs: 8000 }])
  t.strictSame(told(), [['b', 8]])
})

t.test('the gateway tells of the certificates of its listeners', async t => {
  const folder = fileURLToPath(new URL('../support/certs/', import.meta.url))
  const pem = readFileSync(`${folder}photos.cert.pem`)
  const yaml = (tls: string) => `
listen: { host: 127.0.0.1, port: 0${tls} }
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }
routes: []
`
  const { adminUrl, rewrite } = await startGateway(
    t,
    yaml(`, tls: { cert: ${folder}photos.cert.pem, key: ${folder}photos.key.pem }`),
  )
  const samples = async () => samplesOf(await (await fetch(`${adminUrl}/metrics`)).text())
  const told = Object.entries(await samples()).filter(([name]) => name.startsWith(NAME))
  const { validTo } = new X509Certificate(pem)
  t.strictSame(
    told.map(([, value]) => value),
    [Date.parse(validTo) / 1000],
  )
  t.match(told[0]?.[0], /certificate="[a-z*.]+"/)
  t.ok(await rewrite(yaml('')))
  t.notOk(
    Object.keys(await samples()).some(name => name.startsWith(`${NAME}{`)),
    'it is not in use any more',
  )
})
