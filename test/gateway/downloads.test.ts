/**
 * Demands B and D6 of users: downloads, streams and clients that leave, through the whole gateway.
 */
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import t from 'tap'
import { startDemo } from '../../gateway/demo/index.ts'
import { base, startGateway } from '../support/gateway.ts'
import { gatewayProcess } from '../support/gateway-process.ts'
import { exchange, RawClient } from '../support/raw-client.ts'
import { answer, rawOrigin, type Script } from '../support/raw-origin.ts'

const get = (path = '/', more = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
const route = (url: string, more = '') => `routes:\n  - name: films\n    upstream: ${url}\n${more}`

t.test('B1: a download goes at the pace of its reader and takes no memory', { timeout: 200_000 }, async t => {
  const size = 256 * 1024 ** 2
  const piece = Buffer.alloc(1024 ** 2, 'abcdefg')
  let handed = 0
  const origin = net.createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', async () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
      for (; handed < size && !socket.destroyed; handed += piece.length) {
        if (!socket.write(piece)) await once(socket, 'drain').catch(() => {})
      }
    })
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => origin.close())
  const { port: originPort } = origin.address() as net.AddressInfo
  const gateway = await gatewayProcess(t, `${base}${route(`http://127.0.0.1:${originPort}`)}`)
  const before = gateway.rssBytes()
  const client = net.connect(gateway.port, '127.0.0.1').pause()
  t.teardown(() => client.destroy())
  client.write(get())
  // Nobody reads for a while: what the origin can hand over is what fits into buffers on the way.
  await new Promise(resolve => setTimeout(resolve, 1_500))
  t.ok(handed < 48 * 1024 ** 2, `the origin could hand over ${Math.round(handed / 1024 ** 2)} MiB to nobody`)
  let received = 0
  let peak = gateway.rssBytes()
  for await (const chunk of client) {
    received += (chunk as Buffer).length
    peak = Math.max(peak, gateway.rssBytes())
    if (received > size) break
  }
  t.ok(received > size)
  t.ok(peak - before < 64 * 1024 ** 2, `grew by ${Math.round((peak - before) / 1024 ** 2)} MiB`)
})

t.test('B2: a slow reader is not cut as long as it reads; one that stops is', { timeout: 200_000 }, async t => {
  const size = 12 * 1024 ** 2
  const origin = await rawOrigin((_request, socket) => void socket.write(answer(200, {}, Buffer.alloc(size))))
  t.teardown(() => origin.close())
  const limits = 'limits: { write_idle: 1s }\n'
  const { port } = await startGateway(t, `${base}${limits}${route(origin.url, '    limits: { idle_timeout: 1s }\n')}`)

  await t.test('reading 4 MiB a second for longer than the limit', async t => {
    const client = net.connect(port, '127.0.0.1').pause()
    client.write(get())
    let received = 0
    while (received < size) {
      const chunk = client.read() as Buffer | null
      received += chunk?.length ?? 0
      if (client.closed) break
      await new Promise(resolve => setTimeout(resolve, chunk === null ? 5 : (chunk.length / (4 * 1024 ** 2)) * 1_000))
    }
    t.ok(received >= size)
    client.destroy()
  })

  await t.test('reading nothing', async t => {
    const client = net.connect(port, '127.0.0.1').pause()
    client.on('error', () => {})
    client.write(get())
    await waitForSockets(origin.sockets)
    const deadline = Date.now() + 12_000
    while (origin.sockets.size > 0 && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 50))
    t.equal(origin.sockets.size, 0, 'the origin was released')
    client.destroy()
  })
})

async function waitForSockets(sockets: Set<net.Socket>): Promise<net.Socket[]> {
  while (sockets.size === 0) await new Promise(resolve => setTimeout(resolve, 5))
  return [...sockets]
}

t.test('B3: ranges are what the origin says, through the gateway and directly', async t => {
  const demo = await startDemo()
  t.teardown(() => demo.close())
  const { port } = await startGateway(t, `${base}${route(demo.url)}`)
  const through = `http://127.0.0.1:${port}/range`
  const ask = (url: string, headers: Record<string, string>, method = 'GET') => fetch(url, { headers, method })
  const size = Number((await ask(`${demo.url}/range`, {}, 'HEAD')).headers.get('content-length'))
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31
    return seed % below
  }
  for (let i = 0; i < 200; i++) {
    const from = random(size)
    const range = [
      'bytes=',
      [`${from}-${from + random(5_000)}`, `${from}-`, `-${random(5_000)}`, `${size + from}-`][i % 4],
    ].join('')
    if (i % 4 === 1 && size - from > 200_000) continue
    const [ours, theirs] = await Promise.all([ask(through, { range }), ask(`${demo.url}/range`, { range })])
    const same = ['content-range', 'content-length', 'etag', 'accept-ranges', 'content-type']
    t.equal(ours.status, theirs.status, range)
    for (const name of same) t.equal(ours.headers.get(name), theirs.headers.get(name), `${range} ${name}`)
    t.ok(Buffer.from(await ours.arrayBuffer()).equals(Buffer.from(await theirs.arrayBuffer())), `${range} bytes`)
  }
  const etag = (await ask(through, {}, 'HEAD')).headers.get('etag') ?? ''
  t.equal((await ask(through, { range: 'bytes=0-9', 'if-range': etag })).status, 206)
  t.equal((await ask(through, { range: 'bytes=0-9', 'if-range': '"other"' })).status, 200)
})

const streams: [string, string][] = [
  ['text/event-stream', 'data: 1\n\n'],
  ['text/event-stream; charset=utf-8', 'data: 1\n\n'],
  ['application/x-ndjson', '{"n":1}\n'],
  ['multipart/x-mixed-replace; boundary=frame', '--frame\r\n\r\nx\r\n'],
]

for (const [type, event] of streams) {
  t.test(`B5, B6: heads and events of ${type} come at once, also on a route with a body limit`, async t => {
    let stream: net.Socket | undefined
    const script: Script = (_request, socket) => {
      stream = socket
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`)
    }
    const origin = await rawOrigin(script)
    t.teardown(() => origin.close())
    const { port } = await startGateway(
      t,
      `${base}${route(origin.url, '    limits: { body_size: 1MB, idle_timeout: 5s }\n')}`,
    )
    const client = new RawClient(port).send(get('/', 'Accept-Encoding: gzip, br, zstd\r\n'))
    t.teardown(() => client.close())
    await client.until(text => text.includes('\r\n\r\n'), 1_000)
    const took: number[] = []
    for (let i = 0; i < 3; i++) {
      const sent = performance.now()
      stream?.write(`${event.length.toString(16)}\r\n${event}\r\n`)
      await client.until(text => text.split(event).length === i + 2, 1_000)
      took.push(performance.now() - sent)
    }
    // A wait of ours would be in each of them, one for a processor is not.
    t.ok(Math.min(...took) < 50, `after ${took} ms`)
  })
}

t.test('D6: a client that leaves frees the origin, before and after the head', async t => {
  const scripts: Script[] = [
    () => {},
    (_request, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.'),
  ]
  for (const script of scripts) {
    const origin = await rawOrigin(script)
    t.teardown(() => origin.close())
    const { port } = await startGateway(t, `${base}${route(origin.url)}`)
    const client = new RawClient(port).send(get())
    const [socket] = await waitForSockets(origin.sockets)
    while (origin.requests.length === 0) await new Promise(resolve => setTimeout(resolve, 2))
    const left = performance.now()
    client.close()
    await once(socket as net.Socket, 'close', { signal: AbortSignal.timeout(2_000) })
    t.ok(performance.now() - left < 500, 'not when a timer comes round')
  }
})

t.test('a cut answer never looks whole', async t => {
  const cuts: [string, string][] = [
    ['by length', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome'],
    ['chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n'],
    ['inside a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n190\r\nsom'],
    ['after the head', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'],
  ]
  for (const [name, bytes] of cuts) {
    for (const reset of [false, true]) {
      const origin = await rawOrigin((_request, socket) => {
        socket.write(bytes, () => setTimeout(() => (reset ? socket.resetAndDestroy() : socket.end()), 10))
      })
      t.teardown(() => origin.close())
      const { port } = await startGateway(t, `${base}${route(origin.url)}`)
      const got = await exchange(port, get()).catch(() => null)
      t.ok(got === null || !got.isWhole || got.status === 502, `${name}, ${reset ? 'reset' : 'closed'}`)
    }
  }
})

t.test('an answer that ends with the connection arrives whole, 3 MiB of it, as often as one likes', async t => {
  const size = 3 * 1024 ** 2
  const origin = await rawOrigin((_request, socket) => {
    socket.end(
      Buffer.concat([Buffer.from('HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n'), Buffer.alloc(size, 'x')]),
    )
  })
  t.teardown(() => origin.close())
  const { port } = await startGateway(t, `${base}${route(origin.url)}`)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
  t.teardown(() => agent.destroy())
  const lengths = await Promise.all(Array.from({ length: 40 }, () => lengthOf(port, agent)))
  t.strictSame(new Set(lengths), new Set([size]))
})

function lengthOf(port: number, agent: http.Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: '127.0.0.1', agent }, response => {
      let length = 0
      response.on('data', chunk => {
        length += chunk.length
      })
      response.on('end', () => resolve(length))
      response.on('error', reject)
    })
    request.on('error', reject)
  })
}

t.test('a 304 with Content-Length and an unasked 100 are legal and pass', async t => {
  const origin = await rawOrigin((request, socket) => {
    if (request.target === '/304')
      socket.write('HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 5000\r\n\r\n')
    else socket.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${answer(200, {}, 'whole')}`)
  })
  t.teardown(() => origin.close())
  const { port } = await startGateway(t, `${base}${route(origin.url)}`)
  const notModified = await exchange(port, get('/304', 'If-None-Match: "a"\r\n'))
  t.strictSame([notModified.status, notModified.headers.etag], [304, '"a"'])
  t.equal((await exchange(port, get('/100'))).body.toString(), 'whole')
})
