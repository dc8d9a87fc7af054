import { once } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { WebSocket } from 'ws'
import {
  connectRaw,
  listenRaw,
  listenWs,
  readAll,
  readHead,
  SWITCH,
  startGateway,
  startRecordingGateway,
  UPGRADE_LINES,
  until,
  upgradeRequest,
} from './rig.ts'

t.test('C4 T15: 401 and 403 of the origin reach the client with headers and body, never a 101', async t => {
  for (const status of [401, 403]) {
    const origin = await listenWs(t, () => {}, {
      verifyClient: (_info, done) => done(false, status, 'who are you', { 'WWW-Authenticate': 'Basic realm="wiki"' }),
    })
    const { port, app } = await startGateway(t, origin)
    const ws = new WebSocket(`ws://127.0.0.1:${port}/`)
    const [, response] = await once(ws, 'unexpected-response')
    t.equal(response.statusCode, status)
    t.equal(response.headers['www-authenticate'], 'Basic realm="wiki"')
    t.equal(response.headers.connection, 'close')
    t.equal(
      await response
        .setEncoding('utf8')
        .toArray()
        .then((parts: string[]) => parts.join('')),
      'who are you',
    )
    await until(() => app.websocket.count === 0, 1500)
  }
})

/** What a client gets, and what came to the origin, when the origin gives `answer`. */
async function relay(t: Parameters<typeof startGateway>[0], answer: string, then: (socket: Socket) => void = () => {}) {
  const received: string[] = []
  const origin = await listenRaw(t, socket => {
    void readHead(socket).then(head => {
      received.push(head)
      socket.on('data', chunk => void received.push(chunk.toString('latin1'))).resume()
      socket.write(Buffer.from(answer, 'latin1'), () => then(socket))
    })
  })
  const gateway = await startRecordingGateway(t, origin)
  const client = await connectRaw(t, gateway.port)
  let error: Error | null = null
  client.on('error', reason => {
    error = reason
  })
  client.write(upgradeRequest())
  const text = await readAll(client)
  client.end()
  await until(() => gateway.summaries.length === 1)
  return { text, received: received.join(''), summary: gateway.summaries[0]!, cut: () => error !== null }
}

t.test('a refusal ends with its body, whatever its framing, and nothing behind it gets through', async t => {
  const chunked = '3\r\nabc\r\n0\r\n\r\n'
  const cases: [string, string, (socket: Socket) => void][] = [
    ['HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\n\r\n', 'abc', () => {}],
    ['HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\nsurplus', '', () => {}],
    [`HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}surplus`, chunked, () => {}],
    ['HTTP/1.1 403 No\r\n\r\nuntil the end', 'until the end', socket => socket.end()],
    ['HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nsurplus', '', () => {}],
    ['HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', 'ok', () => {}],
  ]
  for (const [answer, body, then] of cases) {
    const { text, summary } = await relay(t, answer, then)
    const [head, ...rest] = text.split('\r\n\r\n')
    t.equal(rest.join('\r\n\r\n'), body, answer)
    t.match(head, /^HTTP\/1.1 \d{3} .*\r\nConnection: close$/s)
    t.match(summary, { reason: 'refused', status: Number(answer.slice(9, 12)), bytesDown: body.length })
  }
})

t.test('a refusal whose body is cut does not look complete', async t => {
  const cases: [string, (socket: Socket) => void][] = [
    ['HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nabc', socket => socket.end()],
    ['HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n', socket => socket.end()],
    ['HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX', () => {}],
    ['HTTP/1.1 403 No\r\n\r\nabc', socket => void setTimeout(() => socket.resetAndDestroy(), 20)],
  ]
  for (const [answer, then] of cases) t.ok((await relay(t, answer, then)).cut(), `reset: ${answer}`)
})

t.test('an answer that is no valid HTTP becomes 502 with its reason, an origin that is silent 504', async t => {
  const cases: [string, string, (socket: Socket) => void][] = [
    ['HTTP/1.1 101 S\nUpgrade: websocket\n\n', 'http_protocol_error', () => {}],
    ['HTTP/1.1 403 No\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n', 'http_protocol_error', () => {}],
    ['HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n', 'http_protocol_error', () => {}],
    ['HTTP/1.1 100 Continue\r\n\r\n'.repeat(17), 'http_protocol_error', () => {}],
    ['HTTP/1.1 101 S\r\nConnection: Upgrade\r\n\r\n', 'http_protocol_error', () => {}],
    ['HTTP/1.1 101 S\r\nUpgrade: h2c\r\n\r\n', 'http_protocol_error', () => {}],
    ['HTTP/1.1 101 S\r\nUpgrade: websocket, h2c\r\n\r\n', 'http_protocol_error', () => {}],
    ['HTTP/1.0 101 S\r\nUpgrade: websocket\r\n\r\n', 'http_protocol_error', () => {}],
    ['HTTP/1.1 101 S\r\nUpgr', 'http_protocol_error', socket => socket.end()],
    [`HTTP/1.1 101 S\r\nA: ${'x'.repeat(70_000)}`, 'http_response_header_section_size', () => {}],
    ['', 'connection_terminated', socket => socket.end()],
    ['', 'connection_terminated', socket => socket.resetAndDestroy()],
  ]
  for (const [answer, error, then] of cases) {
    const { text, summary } = await relay(t, answer, then)
    t.match(text, /^HTTP\/1.1 502 Bad Gateway\r\n/, answer.slice(0, 40))
    t.match(text, `\r\nProxy-Status: hearthgate; error=${error}\r\n`)
    t.notMatch(text, '127.0.0.1', 'no internal address')
    t.match(summary, { reason: 'failed', status: 502, failure: { proxyStatus: error } })
  }
})

t.test('an origin that does not answer gives 504 after the head timeout', async t => {
  const origin = await listenRaw(t, socket => socket.resume())
  const { port, summaries } = await startRecordingGateway(t, origin, { headTimeoutMs: 100 })
  const client = await connectRaw(t, port)
  client.write(upgradeRequest())
  t.match(await readAll(client), /^HTTP\/1.1 504 /)
  await until(() => summaries.length === 1)
})

t.test('an origin that refuses the connection gives 502', async t => {
  const { port } = await startRecordingGateway(t, 1)
  const client = await connectRaw(t, port)
  client.write(upgradeRequest())
  const text = await readAll(client)
  t.match(text, /^HTTP\/1.1 502 /)
  t.match(text, 'HG_WEBSOCKET_CONNECT')
})

t.test('upgrade-with-body: no hidden request reaches the origin', async t => {
  const hidden = 'GET /hidden HTTP/1.1\r\nHost: wiki.test\r\n\r\n'
  let received = ''
  const origin = await listenRaw(t, socket => {
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
      socket.end('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n')
    })
  })
  const { app, port } = await startGateway(t, origin)
  const withLength = upgradeRequest('/ws', [...UPGRADE_LINES, `Content-Length: ${hidden.length}`])
  const ordinary = await connectRaw(t, port)
  ordinary.write(withLength + hidden)
  t.match(await readHead(ordinary), /^HTTP\/1.1 404 /, 'it is an ordinary request with a body')
  ordinary.destroy()
  t.equal(received, '')

  const refused = await connectRaw(t, port)
  refused.write(upgradeRequest() + hidden)
  t.match(await readAll(refused), /^HTTP\/1.1 403 /)
  t.ok(received.endsWith('\r\n\r\n') && !received.includes('/hidden'), 'early bytes of a refused upgrade go nowhere')

  received = ''
  Object.assign(app.server, { shouldUpgradeCallback: () => true })
  const old = await connectRaw(t, port)
  old.write(withLength + hidden)
  t.match(await readAll(old), /^HTTP\/1.1 400 /, 'where Node calls any upgrade an upgrade it is refused')
  t.equal(received, '')
})

t.test('an upgrade to a foreign protocol is an ordinary request', async t => {
  const origin = await listenRaw(t, socket => socket.destroy())
  const { port } = await startGateway(t, origin)
  const client = await connectRaw(t, port)
  client.write('GET /plain HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n')
  t.match(await readAll(client), /^HTTP\/1.1 200 OK\r\n.*\{"upgrade":"h2c"\}$/s)
})

t.test('a route may refuse, fail or reject an upgrade before anything goes upstream', async t => {
  const origin = await listenRaw(t, socket => void readHead(socket).then(() => socket.write(SWITCH)))
  const { port } = await startGateway(t, origin, {
    resolve: request => {
      if (request.url === '/secret/x') return { kind: 'refuse', status: 403, headers: ['X-A', 'b'], body: 'denied' }
      if (request.url === '/throws') throw new Error('10.0.0.1 is broken')
      const headers = request.url === '/smuggle' ? ['A', 'b\r\nC: d'] : []
      const connect = () => Promise.reject(Object.assign(new Error('10.0.0.1 refused'), { code: 'ECONNREFUSED' }))
      return { kind: 'tunnel', routeName: 'r', upstreamName: 'u', path: '/', headers, connect }
    },
  })
  const cases: [string, RegExp][] = [
    ['/secret/x', /^HTTP\/1.1 403 Forbidden\r\nX-A: b\r\nContent-Length: 6\r\nConnection: close\r\n\r\ndenied$/],
    ['/throws', /^HTTP\/1.1 502 /],
    ['/connect', /^HTTP\/1.1 502 /],
  ]
  for (const [path, expected] of cases) {
    const client = await connectRaw(t, port)
    client.write(upgradeRequest(path))
    const text = await readAll(client)
    t.match(text, expected, path)
    t.notMatch(text, '10.0.0.1')
  }
})

t.test('header lines with a line break never go upstream', async t => {
  let received = 0
  const origin = await listenRaw(t, socket => {
    socket.on('data', chunk => {
      received += chunk.length
    })
  })
  const { connect } = await import('node:net')
  for (const change of [{ headers: ['A', 'b\r\nC: d'] }, { headers: ['A b', 'c'] }, { path: '/a b' }]) {
    const { port } = await startGateway(t, origin, {
      resolve: () => ({
        ...{ kind: 'tunnel', routeName: 'r', upstreamName: 'u', path: '/', headers: [] },
        connect: async () => connect(origin, '127.0.0.1'),
        ...change,
      }),
    })
    const client = await connectRaw(t, port)
    client.write(upgradeRequest())
    t.match(await readAll(client), /^HTTP\/1.1 400 /)
  }
  t.equal(received, 0)
})

t.test('D6: a client that leaves while the origin is slow ends the work at once', async t => {
  const sockets: Socket[] = []
  const origin = await listenRaw(t, socket => void sockets.push(socket.resume()))
  const { port, summaries, app } = await startRecordingGateway(t, origin)
  for (const leave of ['end', 'resetAndDestroy'] as const) {
    const client = await connectRaw(t, port)
    client.write(upgradeRequest())
    await until(() => sockets.length === 1)
    const gone = once(sockets[0]!, 'end', { signal: AbortSignal.timeout(1000) })
    client[leave]()
    await gone
    await until(() => summaries.length === 1 && app.websocket.count === 0)
    t.match(summaries.pop(), { status: null, bytesUp: 0 })
    sockets.pop()!.destroy()
  }
})

t.test('a client that leaves while the gateway connects aborts the connect', async t => {
  const aborted: string[] = []
  const late = await listenRaw(t, socket => void socket.on('end', () => aborted.push('late socket ended')).resume())
  const { connect } = await import('node:net')
  let isConnecting = false
  const { port } = await startGateway(t, late, {
    resolve: () => ({
      ...{ kind: 'tunnel', routeName: 'r', upstreamName: 'u', path: '/', headers: [] },
      connect: async signal => {
        isConnecting = true
        await once(signal, 'abort')
        aborted.push('signal')
        const socket = connect(late, '127.0.0.1')
        await once(socket, 'connect')
        return socket
      },
      onEnd: summary => void aborted.push(summary.reason),
    }),
  })
  const client = await connectRaw(t, port)
  client.write(upgradeRequest())
  await until(() => isConnecting)
  client.destroy()
  await until(() => aborted.length === 3)
  t.strictSame(aborted.sort(), ['client_gone', 'late socket ended', 'signal'])
})
