/** Origins over TLS: who is believed, on new sessions and on resumed ones. */
import { X509Certificate } from 'node:crypto'
import net from 'node:net'
import tls, { type TlsOptions } from 'node:tls'
import t from 'tap'
import { bareApp, waysOut } from '../../support/bare-app.ts'
import { exchange } from '../../support/raw-client.ts'
import { answer } from '../../support/raw-origin.ts'
import { certificate, listen, send, startApp, type Teardown } from './support.ts'

const localhost = certificate('localhost')
const photos = certificate('photos')
const pinOf = ({ cert }: { cert: string }) => new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase()
const ok = answer(200, {}, 'ok')

interface TlsOrigin {
  readonly url: string
  readonly port: number
  /** Handshakes that came to their end, and how many of them resumed a session. */
  sessions: number
  resumed: number
  /** Requests that were read. */
  requests: number
  names: (string | false | null)[]
}

/** HTTP/1.1 over TLS that answers every request with ok. */
async function startTls(t: Teardown, pair: { key: string; cert: string }, more: TlsOptions = {}): Promise<TlsOrigin> {
  const seen = { sessions: 0, resumed: 0, requests: 0, names: [] as (string | false | null)[] }
  const server = tls.createServer({ ...pair, ...more }, socket => {
    seen.sessions++
    if (socket.isSessionReused()) seen.resumed++
    seen.names.push((socket as unknown as { servername: string | false | null }).servername)
    socket.on('error', () => {})
    socket.on('data', () => {
      seen.requests++
      socket.write(ok)
    })
  })
  server.on('tlsClientError', () => {})
  const port = await listen(t, server)
  return Object.assign(seen, { port, url: `https://127.0.0.1:${port}` })
}

const untrusted = { code: 'HG_UPSTREAM_CERTIFICATE', statusCode: 502, unsent: true }

t.test('who is believed', async t => {
  const cases: [string, { key: string; cert: string }, object, boolean][] = [
    ['nobody knows its authority', localhost, {}, false],
    ['its own authority', localhost, { ca: localhost.cert }, true],
    ['another authority', localhost, { ca: photos.cert }, false],
    ['the right authority for another name', photos, { ca: photos.cert }, false],
    [
      'the right authority for the name that is asked for',
      photos,
      { ca: photos.cert, serverName: 'photos.home.arpa' },
      true,
    ],
    ['a name that is asked for and not in it', localhost, { ca: localhost.cert, serverName: 'wiki.home.arpa' }, false],
    ['its pin', photos, { pin: pinOf(photos) }, true],
    ['the pin of another', photos, { pin: pinOf(localhost) }, false],
    ['the pin of another, from a known authority', localhost, { ca: localhost.cert, pin: pinOf(photos) }, false],
    ['anybody', photos, { verify: false }, true],
    ['anybody, but with a pin', photos, { verify: false, pin: pinOf(localhost) }, false],
  ]
  for (const [name, pair, tlsOptions, isBelieved] of cases) {
    const origin = await startTls(t, pair)
    const app = await startApp(t, { origins: [{ url: origin.url }], tls: tlsOptions })
    if (isBelieved) t.equal((await send(app.upstream)).status, 200, name)
    else await t.rejects(send(app.upstream), untrusted as object as Error, name)
    t.equal(origin.requests, isBelieved ? 1 : 0, `${name}: requests that were read`)
  }
})

t.test('a session that is resumed is checked like a new one', async t => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const refused: [string, object][] = [
      ['wrong name', { ca: photos.cert }],
      ['unknown authority', {}],
      ['wrong pin', { pin: pinOf(localhost) }],
    ]
    for (const [name, tlsOptions] of refused) {
      const origin = await startTls(t, photos, { maxVersion })
      const app = await startApp(t, { origins: [{ url: origin.url }], tls: tlsOptions, keepAlive: false })
      for (let i = 1; i <= 4; i++) {
        await t.rejects(send(app.upstream), untrusted as object as Error, `${maxVersion}, ${name}, try ${i}`)
      }
      t.equal(origin.requests, 0)
    }
    const accepted: [string, object][] = [
      ['own authority', { ca: photos.cert, serverName: 'photos.home.arpa' }],
      ['pin', { pin: pinOf(photos) }],
    ]
    for (const [name, tlsOptions] of accepted) {
      const origin = await startTls(t, photos, { maxVersion })
      const app = await startApp(t, { origins: [{ url: origin.url }], tls: tlsOptions, keepAlive: false })
      for (let i = 1; i <= 4; i++) t.equal((await send(app.upstream)).status, 200, `${maxVersion}, ${name}, try ${i}`)
      // Node shows no certificate on a resumed session, so with a pin every session has to be new.
      t.equal(origin.resumed > 0, !('pin' in tlsOptions), `${maxVersion}, ${name}: sessions are resumed`)
    }
  }
})

t.test('T13: a certificate for another name is a 502 that says so, and the request stays here', async t => {
  for (const { name, direct } of waysOut) {
    const origin = await startTls(t, photos)
    const { port } = await bareApp(t, origin.url, { proxy: { direct } })
    const { status, headers, body } = await exchange(port, 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n')
    t.equal(status, 502, name)
    t.equal(headers['proxy-status'], 'hearthgate; error=tls_certificate_error')
    t.match(JSON.parse(String(body)), { code: 'HG_UPSTREAM_CERTIFICATE' })
    t.notMatch(String(body), /127\.0\.0\.1|photos/)
    t.equal(origin.requests, 0)
  }
})

t.test('the name is sent as SNI, an address is not', async t => {
  const origin = await startTls(t, localhost)
  const byAddress = await startApp(t, { origins: [{ url: origin.url }], tls: { ca: localhost.cert } })
  await send(byAddress.upstream)
  const byName = await startApp(t, {
    origins: [{ url: `https://localhost:${origin.port}` }],
    tls: { ca: localhost.cert },
  })
  await send(byName.upstream)
  t.strictSame(origin.names, [false, 'localhost'])
})

t.test('an origin that speaks no TLS is an error of TLS', async t => {
  const port = await listen(
    t,
    net.createServer(socket => void socket.write(ok)),
  )
  const app = await startApp(t, { origins: [{ url: `https://127.0.0.1:${port}` }], tls: { verify: false } })
  await t.rejects(send(app.upstream), { code: 'HG_UPSTREAM_TLS', statusCode: 502, unsent: true })
})
