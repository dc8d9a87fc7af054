import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import Fastify from 'fastify'
import t from 'tap'
import { type AccessEntry, type AccessFacts, accessLog } from '../../../plugins/access-log/index.ts'
import { contractOf } from '../../../plugins/contract/index.ts'
import { startApp } from './support.ts'

t.test('an ordinary request gets one line with what Fastify and Node know', async t => {
  const { url, lines, port } = await startApp(t, {}, app => {
    app.get('/films/:id', (_request, reply) => reply.header('content-encoding', 'identity').send('abc'))
  })
  const before = Date.now()
  const headers = { 'user-agent': 'tester', host: `127.0.0.1:${port}` }
  await (await fetch(`${url}/films/7?api_key=abc`, { headers })).text()
  const fields = await lines.nextFields()
  t.match(fields, {
    level: 30,
    msg: 'request',
    client: '127.0.0.1',
    method: 'GET',
    host: `127.0.0.1:${port}`,
    path: '/films/7?api_key=***',
    protocol: 'h1',
    status: 200,
    outcome: 'ok',
    route: '/films/:id',
    attempts: 0,
    bytes_in: 0,
    bytes_out: 3,
    encoding: 'identity',
    user_agent: 'tester',
  })
  t.ok(Number(fields['time']) >= before)
  t.ok(Number(fields['first_byte_ms']) <= Number(fields['duration_ms']))
  t.type(fields['request_id'], 'string')
  t.equal(lines.all.length, 1)
})

t.test('a hijacked reply gets its line', async t => {
  const { url, lines } = await startApp(t, {}, app => {
    app.get('/raw', (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(202, ['content-length', '2'])
      reply.raw.end('ok')
    })
  })
  await (await fetch(`${url}/raw`)).text()
  t.match(await lines.nextFields(), { status: 202, outcome: 'ok', route: '/raw' })
})

t.test('a client that leaves before the head is logged as 499, after it with the status it got', async t => {
  const arrived: (() => void)[] = []
  const { url, lines } = await startApp(t, {}, app => {
    app.get('/never', () => new Promise(() => arrived.pop()?.()))
    app.get('/endless', () => new Readable({ read() {} }).wrap(Readable.from(dripping())))
    app.get('/raw', (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(200, ['content-length', '10'])
      reply.raw.write('half ')
    })
  })
  const early = new AbortController()
  const came = new Promise<void>(resolve => arrived.push(resolve))
  const never = fetch(`${url}/never`, { signal: early.signal })
  await came
  early.abort()
  await t.rejects(never)
  t.match(await lines.nextFields(), { status: 499, outcome: 'client_left', route: '/never', client: '127.0.0.1' })

  for (const path of ['/endless', '/raw']) {
    const late = new AbortController()
    const response = await fetch(url + path, { signal: late.signal })
    t.equal(response.status, 200)
    late.abort()
    const fields = await lines.nextFields()
    t.match(fields, { status: 200, outcome: 'client_left', route: path, level: 30 })
  }
})

async function* dripping(): AsyncGenerator<string> {
  yield 'drop '
  await new Promise(() => {})
}

t.test('client errors, thrown errors and unknown paths have their status, and their code as outcome', async t => {
  const { url, lines } = await startApp(t, { sample: 0 }, app => {
    app.get('/gone', (_request, reply) => reply.code(410).send())
    app.get('/bug', () => {
      throw Object.assign(new Error('bug'), { code: 'HG_BUG' })
    })
  })
  const cases: [string, object][] = [
    ['/gone', { status: 410, outcome: 'ok', level: 30 }],
    ['/bug', { status: 500, outcome: 'HG_BUG', level: 40 }],
    ['/unknown', { status: 404, outcome: 'ok', level: 30 }],
  ]
  for (const [path, expected] of cases) {
    await (await fetch(url + path)).text()
    t.match(await lines.nextFields(), expected, path)
  }
})

t.test('the share of lines follows chance, which is asked once a request', async t => {
  const chances = [0.1, 0.9, 0.3, 0.29]
  const { url, lines } = await startApp(t, { sample: 0.3, random: () => chances.shift() ?? 1 }, app => {
    app.get('/:n', () => 'ok')
    app.get('/end', (_request, reply) => reply.code(404).send())
  })
  for (const path of ['/1', '/2', '/3', '/4', '/end']) await (await fetch(url + path)).text()
  const paths = [await lines.nextFields(), await lines.nextFields(), await lines.nextFields()].map(line => line['path'])
  t.strictSame(paths, ['/1', '/4', '/end'])
})

t.test('the combined form and its share come from settings that may change', async t => {
  let settings: { access: 'json' | 'combined' | 'none'; sample: number } = { access: 'combined', sample: 1 }
  const { url, lines } = await startApp(t, { settings: () => settings }, app => {
    app.get('/*', () => 'ok')
  })
  await (await fetch(`${url}/1`, { headers: { 'user-agent': 'x' } })).text()
  t.match(await lines.next(), /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/1 HTTP\/1\.1" 200 2 "-" "x"\n$/)
  settings = { access: 'none', sample: 1 }
  await (await fetch(`${url}/2`)).text()
  settings = { access: 'json', sample: 1 }
  await (await fetch(`${url}/3`)).text()
  t.equal((await lines.nextFields())['path'], '/3')
})

t.test('without a log nothing is followed', async t => {
  const { url, lines, app } = await startApp(t, { access: 'none' }, app => {
    app.get('/', (_request, reply) => String(reply.raw.listenerCount('close')))
  })
  const bare = Fastify({ forceCloseConnections: true })
  bare.get('/', (_request, reply) => String(reply.raw.listenerCount('close')))
  const bareUrl = await bare.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => bare.close())
  t.equal(await (await fetch(url)).text(), await (await fetch(bareUrl)).text())
  app.accessLog.write({} as AccessEntry)
  t.strictSame(lines.all, [])
})

const told: AccessFacts = {
  requestId: 'abc',
  host: 'films.home.arpa',
  client: '198.51.100.7',
  route: 'films',
  upstream: 'jellyfin',
  attempts: 2,
  bytesIn: 5,
  bytesOut: 7,
  bytesRaw: null,
  queueMs: 0,
  encodeMs: 0,
  isLongHeld: false,
  firstByteMs: 3,
  upstreamMs: 2,
  error: null,
  isOriginCut: false,
  cache: 'hearthgate; hit',
  encoding: 'br',
}

t.test('what the app tells stands in the line, also why an answer broke off', async t => {
  const { url, lines } = await startApp(
    t,
    {
      facts: request => ({ ...told, isOriginCut: request.url === '/cut', error: request.url === '/slow' ? 'E' : null }),
    },
    app => {
      app.get('/', () => 'ok')
      app.get('/cut', (_request, reply) => {
        reply.hijack()
        reply.raw.writeHead(200, ['content-length', '10'])
        reply.raw.write('half', () => reply.raw.destroy())
      })
      app.get('/slow', (_request, reply) => reply.code(504).send('too slow'))
    },
  )
  await (await fetch(url)).text()
  t.match(await lines.nextFields(), {
    request_id: 'abc',
    host: 'films.home.arpa',
    client: '198.51.100.7',
    route: 'films',
    upstream: 'jellyfin',
    attempts: 2,
    bytes_in: 5,
    bytes_out: 7,
    first_byte_ms: 3,
    upstream_ms: 2,
    outcome: 'ok',
    cache: 'hearthgate; hit',
    encoding: 'br',
  })
  await fetch(`${url}/cut`).then(
    response => response.text().catch(() => ''),
    () => '',
  )
  t.match(await lines.nextFields(), { status: 200, outcome: 'origin_cut', level: 40 })
  await (await fetch(`${url}/slow`)).text()
  t.match(await lines.nextFields(), { status: 504, outcome: 'E', level: 40 })
})

t.test('an app that knows nothing of a request, or fails to tell, does not break the log', async t => {
  const { url, lines, app } = await startApp(
    t,
    {
      facts: request => {
        if (request.url === '/throws') throw new Error('facts')
        return null
      },
    },
    app => {
      app.get('/*', () => 'ok')
    },
  )
  await (await fetch(`${url}/throws`)).text()
  await (await fetch(`${url}/unknown`)).text()
  t.match(await lines.nextFields(), { path: '/unknown', status: 200, client: '127.0.0.1' })
  t.equal(contractOf(app).signals.counter('access_log_lost_total', '').with('failed').value, 1)
})

t.test('a destination that throws loses the line and nothing else', async t => {
  const destination = {
    write() {
      throw new Error('full')
    },
  }
  for (const access of ['json', 'combined'] as const) {
    const { url, app } = await startApp(t, { access, destination }, app => {
      app.get('/', () => 'ok')
    })
    t.equal(await (await fetch(url)).text(), 'ok')
    t.equal(await (await fetch(url)).text(), 'ok')
    await app.close()
    t.equal(contractOf(app).signals.counter('access_log_lost_total', '').with('failed').value, 2)
  }
})

t.test('requests on one connection are counted apart, also where the answer has no length', async t => {
  const { lines, port } = await startApp(t, {}, app => {
    app.get('/chunked', (_request, reply) => reply.send(Readable.from(['abc', 'def'])))
    app.head('/head', (_request, reply) => reply.send('abc'))
    app.post('/post', () => 'ok')
  })
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const ask = async (text: string) => {
    socket.write(text)
    const line = lines.nextFields()
    await once(socket, 'data')
    return await line
  }
  const chunked = Number((await ask('GET /chunked HTTP/1.1\r\nhost: x\r\n\r\n'))['bytes_out'])
  t.ok(chunked > 6 && chunked < 600)
  t.match(await ask('HEAD /head HTTP/1.1\r\nhost: x\r\n\r\n'), { method: 'HEAD', bytes_out: 0 })
  const post = 'POST /post HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: 4\r\n\r\nbody'
  t.match(await ask(post), { method: 'POST', bytes_in: 4, bytes_out: 2 })
})

t.test('what is no request of Fastify can be logged as well', async t => {
  const { app, lines } = await startApp(t, {}, () => {})
  const { error: _error, isOriginCut: _isOriginCut, ...known } = told
  const tunnel = { method: 'GET', url: '/ws?token=abc', protocol: 'h1', status: 101, outcome: 'ok' } as const
  app.accessLog.write({ ...known, ...tunnel, durationMs: 60_000, userAgent: null, referer: null })
  t.match(await lines.nextFields(), { path: '/ws?token=***', status: 101, duration_ms: 60_000 })
})

t.test('options that do not exist are refused by name', async t => {
  const app = Fastify()
  app.register(accessLog, { sample: 2 })
  await t.rejects(async () => await app.ready(), /access-log: \/sample/)
  const other = Fastify()
  other.register(accessLog, { accesss: 'json' } as object)
  await t.rejects(async () => await other.ready(), /access-log/)
})
