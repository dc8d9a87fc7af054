/**
 * What is no page: event streams, long polls, tunnels, uploads and seeks in a long file behave on a route with a cache,
 * which is the default, as on one without, and leave nothing in the store.
 */
import { get, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { GatewayProcess } from '../support/gateway-process.ts'
import { RawClient } from '../support/raw-client.ts'
import { answer, type RawOrigin, type Script } from '../support/raw-origin.ts'
import { checkedOrigin, fileBytes } from './cache-checked-origin.ts'
import { ask, cacheNumbers, cachingGateway, endIdleConnections, isLong, mebibytes, rounded } from './cache-support.ts'
import { eventually, get as head, originFor } from './support.ts'

t.teardown(endIdleConnections)

const MiB = 1024 ** 2
/** Both routes of the gateway: with cache and without. */
const hosts = ['a', 'plain'] as const
/** What one route may take longer than the other on a busy machine; what is held back to its end would take a second. */
const NOISE_MS = 600
/** How long a request waits for another's head before it goes on its own, and how often that is looked at. */
const WAIT_MS = 5_000 + 250

async function storesNothing(t: Test, gateway: GatewayProcess): Promise<void> {
  await eventually(async () => (await cacheNumbers(gateway)).fills === 0)
  t.equal((await cacheNumbers(gateway)).store.entries, 0, 'nothing is stored')
}

async function lab(t: Test, script: Script): Promise<{ origin: RawOrigin; gateway: GatewayProcess }> {
  const origin = await originFor(t, script)
  return { origin, gateway: await cachingGateway(t, origin.url) }
}

/** Longest time that an event took from the origin to the client. */
async function longestLag(port: number, host: string, path: string): Promise<number> {
  let longest = 0
  await new Promise<void>((resolve, reject) => {
    const headers = { host, accept: 'text/event-stream' }
    const call = get({ host: '127.0.0.1', port, path, headers, agent: false }, response => {
      response.on('data', (chunk: Buffer) => {
        const [, sentAt] = /data: (\d+)/.exec(chunk.toString()) ?? []
        longest = Math.max(longest, Date.now() - Number(sentAt))
      })
      response.on('end', resolve).on('error', reject)
    })
    call.on('error', reject)
  })
  return longest
}

t.test('events come as soon as they are sent, to every listener', async t => {
  const { origin, gateway } = await lab(t, async (_request, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n')
    for (let number = 0; number < 10; number++) {
      socket.write(`data: ${Date.now()}\n\n`)
      await sleep(100)
    }
    socket.end()
  })
  for (const host of hosts) {
    const lags = await Promise.all([1, 2, 3].map(() => longestLag(gateway.port, host, '/events')))
    t.comment(`${host}: longest ${Math.max(...lags)} ms`)
    t.ok(Math.max(...lags) < NOISE_MS, `${lags} ms`)
  }
  t.equal(origin.requests.length, 2 * 3)
  await storesNothing(t, gateway)
})

t.test('an event stream whose head comes with the first event keeps no second listener waiting', async t => {
  const { origin, gateway } = await lab(t, () => {})
  const stream = head('/quiet', 'Accept: text/event-stream\r\n')
  const clients = [new RawClient(gateway.port).send(stream), new RawClient(gateway.port).send(stream)]
  t.teardown(() => clients.forEach(client => void client.close()))
  const came = await eventually(() => origin.requests.length === 2, 1_000).then(
    () => true,
    () => false,
  )
  t.ok(came, 'the second one is at the origin as well', { todo: 'waits for the head of the first for 5 s' })
})

const POLL_MS = isLong ? 20_000 : 1_500

t.test(`a poll that is silent for ${POLL_MS} ms is answered as without cache`, { timeout: 200_000 }, async t => {
  const { gateway } = await lab(t, (_request, socket) => {
    setTimeout(() => socket.write(answer(200, { 'Content-Type': 'application/json' }, '{}')), POLL_MS)
  })
  const [cached, plain] = await Promise.all(hosts.map(host => ask(gateway.port, '/poll?since=1', { host })))
  t.comment(`${rounded(cached?.ms ?? 0)} ms, ${rounded(plain?.ms ?? 0)} ms without cache`)
  t.match([cached, plain], [{ status: 200 }, { status: 200 }])
  t.ok((cached?.ms ?? 0) - (plain?.ms ?? 0) < NOISE_MS)
  await storesNothing(t, gateway)
})

t.test('two that poll one address: the second waits no longer than is written, and then never again', async t => {
  const { origin, gateway } = await lab(t, ({ target }, socket) => {
    const give = (): void => void socket.write(answer(200, { 'Cache-Control': 'no-store' }, target))
    // The first is kept until the second has come.
    if (origin.requests.length > 2) setTimeout(give, 300)
    else if (origin.requests.length === 2) for (const one of origin.sockets) one.write(answer(200, {}, target))
  })
  const polls = await Promise.all([ask(gateway.port, '/poll'), ask(gateway.port, '/poll')])
  t.match(polls, [{ status: 200 }, { status: 200 }])
  const longest = Math.max(...polls.map(({ ms }) => ms))
  t.comment(`the second was at the origin after ${rounded(longest)} ms`)
  t.ok(longest < WAIT_MS + 3 * NOISE_MS, `${longest} ms`)
  const next = await Promise.all(Array.from({ length: 5 }, () => ask(gateway.port, '/poll')))
  t.ok(Math.max(...next.map(({ ms }) => ms)) < 300 + NOISE_MS, `then ${next.map(({ ms }) => rounded(ms))} ms`)
  await storesNothing(t, gateway)
})

t.test('a tunnel carries bytes both ways at once', async t => {
  const { gateway } = await lab(t, (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.on('data', chunk => void socket.write(chunk))
  })
  const upgrade =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  for (const host of hosts) {
    const client = new RawClient(gateway.port).send(head('/ws', upgrade).replace('Host: a', `Host: ${host}`))
    await client.until(text => text.includes('\r\n\r\n'))
    const began = performance.now()
    for (let number = 0; number < 100; number++) {
      client.send(`ping ${number};`)
      await client.until(text => text.endsWith(`ping ${number};`))
    }
    const each = (performance.now() - began) / 100
    t.comment(`${host}: ${rounded(each)} ms a round trip`)
    t.ok(each < 50)
    client.close()
  }
  await storesNothing(t, gateway)
})

/** Sends zeros; what the origin says it has read. */
function upload(port: number, host: string, length: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { host, 'content-length': length }
    const call = request(
      { host: '127.0.0.1', port, path: '/upload', method: 'POST', headers, agent: false },
      response => {
        let text = ''
        response.on('data', chunk => {
          text += chunk
        })
        response.on('end', () => resolve(text)).on('error', reject)
      },
    )
    call.on('error', reject)
    const piece = Buffer.alloc(256 * 1024)
    let left = length
    const push = (): void => {
      while (left > 0) {
        left -= piece.length
        if (!call.write(piece)) return void call.once('drain', push)
      }
      call.end()
    }
    push()
  })
}

t.test('an upload of 128 MiB passes in constant memory', async t => {
  const origin = await checkedOrigin(t)
  const gateway = await cachingGateway(t, origin.url)
  await upload(gateway.port, 'a', 16 * MiB)
  const before = gateway.rssBytes()
  for (const host of hosts) {
    const began = performance.now()
    t.match(await upload(gateway.port, host, 128 * MiB), `${128 * MiB} `)
    t.comment(
      `${host}: ${rounded(performance.now() - began)} ms, RSS ${mebibytes(gateway.rssBytes() - before)} MiB more`,
    )
  }
  t.ok(gateway.rssBytes() - before < 64 * MiB)
  await storesNothing(t, gateway)
})

/** The first MiB from there on, as a player takes it that seeks on; and the time to its first byte. */
async function seek(
  port: number,
  host: string,
  start: number,
): Promise<{ status: number; right: boolean; ms: number }> {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const headers = { host, range: `bytes=${start}-` }
    const path = `/film?file&etag&size=${100 * MiB}`
    const call = get({ host: '127.0.0.1', port, path, headers, agent: false }, response => {
      const ms = performance.now() - began
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', chunk => {
        chunks.push(chunk)
        length += chunk.length
        if (length < MiB) return
        response.destroy()
        const bytes = Buffer.concat(chunks)
        resolve({ status: response.statusCode ?? 0, right: bytes.equals(fileBytes(start, start + length)), ms })
      })
      response.on('error', () => {})
    })
    call.on('error', reject)
  })
}

t.test('seeks in a file of 100 MiB are the origin’s answers, and fetch no more than they send', async t => {
  const origin = await checkedOrigin(t)
  const gateway = await cachingGateway(t, origin.url)
  const times: Record<string, number[]> = {}
  for (let at = 0; at < 12; at++) {
    const start = ((at * 37) % 98) * MiB + at * 1_001
    for (const host of hosts) {
      const { status, right, ms } = await seek(gateway.port, host, start)
      t.ok(status === 206 && right, `${host} from ${start}`)
      times[host] = [...(times[host] ?? []), ms]
    }
  }
  const [cached, plain] = hosts.map(host => rounded(times[host]?.sort((one, other) => one - other)[6] ?? 0))
  t.comment(`first bytes after ${cached} ms, without cache after ${plain} ms`)
  t.ok((cached ?? 0) - (plain ?? 0) < NOISE_MS)
  await eventually(() => origin.running === 0)
  t.equal(origin.asked.get('GET /film'), 24)
  await storesNothing(t, gateway)
})
