/**
 * What attacks on the response cache have found of clients that leave while the store works for them.
 */
import { once } from 'node:events'
import http2 from 'node:http2'
import tls from 'node:tls'
import t, { type Test } from 'tap'
import { startRedis, withoutRedis } from '../plugins/cache/stores/support.ts'
import { selfSigned } from '../support/certificates.ts'
import { folderOf } from '../support/folder.ts'
import { gatewayProcess } from '../support/gateway-process.ts'
import { exchange, RawClient } from '../support/raw-client.ts'
import { answer, type RawOrigin, rawOrigin, type Script } from '../support/raw-origin.ts'
import { cacheStatus, config, get, holds, later, MiB } from './cache-attack-support.ts'

t.setTimeout(200_000)

t.test('a client that leaves while its stored answer is being opened ends nothing but its own request', async t => {
  const body = Buffer.alloc(3 * MiB, 'x')
  const origin = await rawOrigin((_request, socket) =>
    socket.write(answer(200, { 'Cache-Control': 'max-age=600' }, body)),
  )
  t.teardown(() => origin.close())
  const folder = folderOf(t)
  const gateway = await gatewayProcess(t, config(origin.url, { top: `store: "disk:${folder}/store"\n` }))
  let isStored = false
  for (let tries = 0; tries < 50 && !isStored; tries++) {
    isStored = cacheStatus(await exchange(gateway.port, get('/film'))).includes('hit')
  }
  t.ok(isStored)
  for (let round = 0; round < 10 && gateway.child.exitCode === null; round++) {
    const clients = Array.from({ length: 30 }, () => new RawClient(gateway.port))
    await Promise.all(clients.map(({ socket }) => (socket.connecting ? once(socket, 'connect') : null)))
    for (const client of clients) client.socket.write(get('/film'), () => client.socket.resetAndDestroy())
    await Promise.all(clients.map(client => client.whenClosed()))
    await later(20)
  }
  t.equal(gateway.child.exitCode, null, `the gateway runs on: ${gateway.log().slice(-800)}`)
})

/** A listener with TLS for HTTP/2, with `top` and one route. */
function secureConfig(t: Test, url: string, top: string): { readonly yaml: string; readonly cert: string } {
  const { cert, key } = selfSigned('localhost')
  const folder = folderOf(t, { 'cert.pem': cert, 'key.pem': key })
  const listen = `listen: { host: 127.0.0.1, port: 0, tls: { cert: "${folder}/cert.pem", key: "${folder}/key.pem" } }\n`
  return { yaml: config(url, { top }).replace(/listen:.*\n/, listen), cert }
}

async function connectSecurely(t: Test, port: number, cert: string): Promise<http2.ClientHttp2Session> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername: 'localhost', ca: cert, ALPNProtocols: ['h2'] })
  const session = http2.connect('https://localhost', { createConnection: () => socket })
  // The gateway may end a session in which nearly all is reset.
  session.on('error', () => {})
  t.teardown(() => session.destroy())
  await once(session, 'connect')
  return session
}

t.test('a client that leaves while the store is being asked leaves nothing behind', { skip: withoutRedis }, async t => {
  const endless: Script = (_request, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nCache-Control: private\r\nTransfer-Encoding: chunked\r\n\r\n')
    const block = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536), Buffer.from('\r\n')])
    const timer = setInterval(() => socket.write(block), 5)
    socket.on('close', () => clearInterval(timer))
  }
  for (const isSecure of [false, true]) {
    await t.test(isSecure ? 'HTTP/2' : 'HTTP/1.1', async t => {
      const origin = await rawOrigin(endless)
      t.teardown(() => origin.close())
      const redis = await startRedis(t)
      const top = `store: "${redis.url}"\n`
      const { yaml, cert } = isSecure
        ? secureConfig(t, origin.url, top)
        : { yaml: config(origin.url, { top }), cert: '' }
      const gateway = await gatewayProcess(t, yaml)
      const session = isSecure ? await connectSecurely(t, gateway.port, cert) : null
      await holdsAsync(async () => (await cacheOf(gateway.admin)).store.available, 'the store is there')
      for (let round = 0; round < 5; round++) {
        redis.process.kill('SIGSTOP')
        const leave = session === null ? askOnce(gateway.port) : askStream(session)
        await later(30)
        leave()
        await later(30)
        redis.process.kill('SIGCONT')
        await later(200)
      }
      await later(1_000)
      t.equal(origin.sockets.size - idle(origin), 0, 'no connection to the origin is held')
      t.match(await cacheOf(gateway.admin), { fills: 0, waiters: 0 })
    })
  }
})

/** Both return how to leave. */
function askOnce(port: number): () => void {
  const client = new RawClient(port).send(get('/page'))
  return () => void client.socket.resetAndDestroy()
}

function askStream(session: http2.ClientHttp2Session): () => void {
  const stream = session.request({ ':path': '/page' }).on('error', () => {})
  stream.end()
  return () => stream.close(http2.constants.NGHTTP2_CANCEL)
}

/** Connections that have carried no request. */
function idle(origin: RawOrigin): number {
  return Math.max(0, origin.connections - new Set(origin.requests.map(({ connection }) => connection)).size)
}

interface CacheNumbers {
  readonly fills: number
  readonly waiters: number
  readonly store: { readonly available: boolean }
}

async function cacheOf(admin: string): Promise<CacheNumbers> {
  return (await (await fetch(`${admin}/api/cache`)).json()) as CacheNumbers
}

async function holdsAsync(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await condition()) return
    await later(20)
  }
  throw new Error(`gave up waiting: ${what}`)
}

t.test('streams that are reset while their stored answer is being opened leave no file open', async t => {
  const origin = await rawOrigin((_request, socket) =>
    socket.write(answer(200, { 'Cache-Control': 'max-age=600' }, Buffer.alloc(6 * MiB))),
  )
  t.teardown(() => origin.close())
  const { yaml, cert } = secureConfig(t, origin.url, `store: "disk:${t.testdirName}/store"\n`)
  const gateway = await gatewayProcess(t, yaml)
  const session = await connectSecurely(t, gateway.port, cert)
  const fetchWhole = async (): Promise<string> => {
    const stream = session.request({ ':path': '/film' })
    const [head] = (await once(stream.resume(), 'response')) as [http2.IncomingHttpHeaders]
    await once(stream, 'end')
    return String(head['cache-status'])
  }
  let isStored = false
  for (let tries = 0; tries < 50 && !isStored; tries++) isStored = (await fetchWhole()).includes('hit')
  t.ok(isStored)
  const before = gateway.descriptors()
  for (let i = 0; i < 200 && !session.destroyed; i++) {
    const stream = session.request({ ':path': '/film' }).on('error', () => {})
    stream.end()
    await new Promise(wake => setImmediate(wake))
    stream.close(http2.constants.NGHTTP2_CANCEL)
  }
  await holds(() => gateway.descriptors() <= before + 10, 'files are closed', 3_000).catch(() => {})
  t.ok(gateway.descriptors() <= before + 10, `${before} before, ${gateway.descriptors()} after`)
})
