/** Checks of names by TLS-ALPN-01 (RFC 8737) at the door of a TLS listener. */

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import t from 'tap'
import { answerChecks, readHello } from '../../../gateway/listeners/acme-tls.ts'
import { selfSigned } from '../../support/certificates.ts'
import { folderOf } from '../../support/folder.ts'
import { open, secure } from './support.ts'

/** The first bytes that Node sends for these options. */
function helloOf(options: ConnectionOptions): Promise<Buffer> {
  return new Promise(resolve => {
    const wire = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        resolve(chunk)
        done()
      },
    })
    connect({ ...options, socket: wire }).on('error', () => {})
  })
}

t.test('a hello is read as far as it has come', async t => {
  const acme = await helloOf({ servername: 'Wiki.example.com', ALPNProtocols: ['acme-tls/1'] })
  t.strictSame(readHello(acme), { kind: 'acme', serverName: 'wiki.example.com' })
  const cut = Array.from(acme.keys(), i => readHello(acme.subarray(0, i)).kind)
  t.strictSame([...new Set(cut)], ['more'])
  const other: ConnectionOptions[] = [
    { servername: 'wiki.example.com', ALPNProtocols: ['h2', 'http/1.1'] },
    { servername: 'wiki.example.com', ALPNProtocols: ['acme-tls/1', 'h2'] },
    { servername: 'wiki.example.com' },
    { ALPNProtocols: ['acme-tls/1'] },
  ]
  for (const options of other) t.equal(readHello(await helloOf(options)).kind, 'other')
  t.equal(readHello(Buffer.from('GET / HTTP/1.1\r\n')).kind, 'other')
  const lying = Buffer.from(acme)
  lying.writeUInt16BE(60_000, 43)
  t.equal(readHello(lying).kind, 'other', 'lengths that lie end nowhere')
})

/** Relays a TLS client to the port byte by byte, so that the hello comes in pieces. */
function inPieces(port: number): Duplex {
  const raw = createConnection({ port, host: '127.0.0.1', noDelay: true })
  const relay = new Duplex({
    read() {},
    async write(chunk: Buffer, _encoding, done) {
      for (let at = 0; at < chunk.length; at += 100) {
        raw.write(chunk.subarray(at, at + 100))
        await new Promise(resolve => setTimeout(resolve, 2))
      }
      done()
    },
  })
  raw.on('data', chunk => relay.push(chunk))
  raw.on('error', error => relay.destroy(error))
  raw.on('close', () => relay.destroy())
  return relay
}

function handshake(options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => resolve(socket))
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closed')))
  })
}

t.test('a check gets the certificate of its challenge, everybody else is served', async t => {
  const folder = folderOf(t)
  const { cert, key } = selfSigned('wiki.example.com')
  writeFileSync(join(folder, 'wiki.example.com.pem'), cert + key)
  const { port } = await open(t, { listen: [{ ...secure, checks: folder }] })
  const check = { port, servername: 'wiki.example.com', ALPNProtocols: ['acme-tls/1'] }

  for (const way of [{ port }, { socket: inPieces(port) }]) {
    const checked = await handshake({ ...check, ...way })
    t.equal(checked.alpnProtocol, 'acme-tls/1')
    t.equal(checked.getPeerCertificate().subject.CN, 'wiki.example.com')
    checked.destroy()
  }
  for (const servername of ['other.example.com', '..', 'a/b'])
    await t.rejects(handshake({ ...check, servername }), `${servername}: a check that nobody asked for`)

  for (const way of [{ port }, { socket: inPieces(port) }]) {
    const visitor = await handshake({ servername: 'wiki.example.com', ALPNProtocols: ['http/1.1'], ...way })
    t.equal(visitor.getPeerCertificate().subject.CN, 'localhost', 'no visitor sees it')
    visitor.write('GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    let text = ''
    for await (const chunk of visitor) text += chunk
    t.match(text, /^HTTP\/1\.1 200/)
  }
})

t.test('a connection that ends within its hello is closed, and nothing is put back behind its end', async t => {
  const errors: Error[] = []
  let others = 0
  const server = createServer({ allowHalfOpen: true }, (raw: Socket) => {
    raw.on('error', error => errors.push(error))
    answerChecks(raw, t.testdirName, () => {
      others++
      raw.destroy()
    })
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  for (const start of [[], [22], [22, 3, 1], [22, 3, 1, 0, 50, 1, 0]]) {
    const client = createConnection({ port, host: '127.0.0.1' }, () => client.end(Buffer.from(start))).resume()
    await once(client, 'close')
  }
  t.strictSame([errors, others], [[], 0])
})
