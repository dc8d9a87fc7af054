/**
 * `npm run figures`: what docs/conformance.md says in numbers, measured: memory while 256 MiB bodies pass with slow peers, requests
 * that fail under reloads, the worst delay of an event, bandwidth caps, what encoding on the way costs a visitor. Ends with 1
 * where a promise is not kept.
 */
import { writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { type GatewayProcess, gatewayProcess } from '../support/gateway-process.ts'
import { exchange } from '../support/raw-client.ts'
import { encodingFigures } from './encoding.ts'
import type { Result } from './result.ts'

const MIB = 1024 ** 2
const BODY_BYTES = 256 * MIB
const PROMISED_GROWTH = 64 * MIB
const PROMISED_EVENT_MS = 100
const CAP_BYTES_PER_SECOND = 625_000
const PROMISED_CAP_ERROR = 0.05

const teardowns: (() => unknown)[] = []
const t = { teardown: (fn: () => unknown) => void teardowns.unshift(fn) }

const server = createServer((req, res) => {
  if (req.url === '/large') {
    res.writeHead(200, { 'content-length': BODY_BYTES })
    const piece = Buffer.alloc(65_536)
    let left = BODY_BYTES
    const write = () => {
      while (left > 0 && !res.destroyed) {
        left -= piece.length
        if (!res.write(piece)) return void res.once('drain', write)
      }
      res.end()
    }
    write()
  } else if (req.url === '/events') {
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    const timer = setInterval(() => res.write(`data: ${performance.now()}\n\n`), 50)
    res.on('close', () => clearInterval(timer))
  } else if (req.method === 'POST') {
    // An app that takes its time over an upload.
    req.on('readable', () => void setTimeout(() => req.read(), 2)).on('end', () => res.end('got it'))
  } else res.end('ok')
}).listen(0, '127.0.0.1')
await new Promise(resolve => server.once('listening', resolve))
const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const yaml = (extra: string) => `
listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
log: { level: warn, access: none }
routes:
  - { name: app, upstream: "${origin}" }
${extra}`
const gateway = await gatewayProcess(t, yaml(''))
for (let i = 0; i < 300; i++) await ask('/warm')

const capped = await gatewayProcess(t, yaml('').replace('upstream:', 'bandwidth: { per_client: 5Mbit/s }, upstream:'))
const results = [
  ...[await memoryOfSlowReaders(gateway), await reloadsUnderLoad(gateway), await worstEventDelay(gateway)],
  ...[await rateUnderCap(capped, 1), await rateUnderCap(capped, 6)],
  ...(await encodingFigures(t)),
]
for (const { text, isKept } of results) console.log(isKept ? text : `${text} (not kept)`)
server.closeAllConnections()
server.close()
for (const end of teardowns) await end()
process.exit(results.every(({ isKept }) => isKept) ? 0 : 1)

function ask(path: string) {
  return exchange(gateway.port, `GET ${path} HTTP/1.1\r\nHost: figures.test\r\n\r\n`)
}

/** Four who read 256 MiB, slower than it could come, and one who sends it to an app that reads slowly. */
async function memoryOfSlowReaders(process: GatewayProcess): Promise<Result> {
  const before = process.rssBytes()
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, process.rssBytes())
  }, 50)
  await Promise.all([...Array.from({ length: 4 }, () => readSlowly(process.port)), sendTo(process.port)])
  clearInterval(timer)
  const grown = most - before
  return {
    text: `5 bodies of 256 MiB with slow peers: memory grew by ${(grown / MIB).toFixed(1)} MiB at most`,
    isKept: grown < PROMISED_GROWTH,
  }
}

function readSlowly(port: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1')
  socket.write('GET /large HTTP/1.1\r\nHost: figures.test\r\nConnection: close\r\n\r\n')
  let bytes = 0
  socket.on('data', chunk => {
    bytes += chunk.length
    socket.pause()
    setTimeout(() => socket.resume(), 2)
  })
  return new Promise((resolve, reject) => {
    socket.on('close', () => (bytes > BODY_BYTES ? resolve() : reject(new Error(`${bytes} bytes came`))))
    socket.on('error', reject)
  })
}

function sendTo(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'figures.test', 'content-length': BODY_BYTES }
    const sending = request({ port, host: '127.0.0.1', method: 'POST', path: '/up', headers }, answer => {
      answer
        .resume()
        .on('end', () => (answer.statusCode === 200 ? resolve() : reject(new Error(`${answer.statusCode}`))))
    })
    sending.on('error', reject)
    const piece = Buffer.alloc(65_536)
    let left = BODY_BYTES
    const write = () => {
      while (left > 0) {
        left -= piece.length
        if (!sending.write(piece)) return void sending.once('drain', write)
      }
      sending.end()
    }
    write()
  })
}

async function reloadsUnderLoad(process: GatewayProcess): Promise<Result> {
  let reloads = 0
  const timer = setInterval(() => {
    writeFileSync(
      process.file,
      yaml(reloads++ % 2 === 0 ? `  - { name: b, match: { path: /b }, upstream: "${origin}" }\n` : ''),
    )
    process.child.kill('SIGHUP')
  }, 150)
  let failed = 0
  let left = 5_000
  const one = async () => {
    while (left-- > 0) {
      const answered = await ask('/page').catch(() => null)
      if (answered?.status !== 200 || answered.body.toString() !== 'ok') failed++
    }
  }
  await Promise.all(Array.from({ length: 16 }, one))
  clearInterval(timer)
  return { text: `5,000 GETs on new connections under ${reloads} reloads: ${failed} failed`, isKept: failed === 0 }
}

/** Origin and client are one process, so both read the same clock; 16 others ask meanwhile. */
async function worstEventDelay(process: GatewayProcess): Promise<Result> {
  const delays: number[] = []
  const listening = request({
    port: process.port,
    host: '127.0.0.1',
    path: '/events',
    headers: { host: 'figures.test' },
  })
  listening.on('response', events => {
    events.on('error', () => {})
    events.on('data', chunk => delays.push(performance.now() - Number(/data: ([\d.]+)/.exec(String(chunk))?.[1])))
  })
  listening.on('error', () => {}).end()
  let isOver = false
  const load = Promise.all(
    Array.from({ length: 16 }, async () => {
      while (!isOver) await ask('/page')
    }),
  )
  await pause(10_000)
  isOver = true
  await load
  listening.destroy()
  const worst = Math.max(...delays)
  return {
    text: `${delays.length} events beside 16 busy clients: the worst came ${worst.toFixed(1)} ms after it was sent`,
    isKept: delays.length > 100 && worst < PROMISED_EVENT_MS,
  }
}

/** What one client gets over so many connections at once, from the second second on: the first holds the burst. */
async function rateUnderCap({ port }: GatewayProcess, connections: number): Promise<Result> {
  let bytes = 0
  const sockets = Array.from({ length: connections }, () => {
    const socket = net.connect(port, '127.0.0.1')
    socket.write('GET /large HTTP/1.1\r\nHost: figures.test\r\n\r\n')
    socket.on('error', () => {})
    return socket.on('data', chunk => {
      bytes += chunk.length
    })
  })
  await pause(1000)
  const [bytesBefore, beganMs] = [bytes, performance.now()]
  await pause(8000)
  const rate = ((bytes - bytesBefore) / (performance.now() - beganMs)) * 1000
  for (const socket of sockets) socket.destroy()
  const share = rate / CAP_BYTES_PER_SECOND
  return {
    text: `a cap of 5 Mbit/s a client, over ${connections} connections: ${((rate * 8) / 1e6).toFixed(3)} Mbit/s`,
    isKept: Math.abs(share - 1) <= PROMISED_CAP_ERROR,
  }
}
