/** The limits of the client's side over HTTP/1.1: slow, silent, endless and too large requests (RFC 9110 §15.5, contract). */
import { once } from 'node:events'
import { ask, checkNeighbours, requestBytes, sendRaw, sleep, within } from './clients.ts'
import type { Arrival } from './origin.ts'
import { type CaseFunction, type CaseRun, must } from './types.ts'

const MIB = 1024 ** 2

type Pushed = { write(bytes: Buffer, done: () => void): boolean; readonly destroyed: boolean }

/** Pushes an endless stream, at most `limit` bytes of it, until the gateway ends the connection. */
export async function pushUntilClosed(socket: Pushed, chunk: Buffer, limit: number): Promise<void> {
  let pushed = 0
  while (pushed < limit && !socket.destroyed) {
    const isTaken = await new Promise<boolean>(resolve => {
      const timer = setTimeout(() => resolve(false), 5_000)
      socket.write(chunk, (error?: Error | null) => {
        clearTimeout(timer)
        resolve(error === undefined || error === null)
      })
    })
    if (!isTaken) break
    pushed += chunk.length
  }
}

/**
 * Bytes that the gateway has read of such a stream. What could be written says little: the kernel keeps up to 4 MiB for a
 * client that writes, whether anybody reads it or not.
 */
export async function takenOfEndless(run: CaseRun, socket: Pushed, chunk: Buffer): Promise<number> {
  const { gateway } = run.lab
  const before = gateway.readBytes()
  await pushUntilClosed(socket, chunk, 8 * MIB)
  return gateway.readBytes() - before
}

const endlessHeader: CaseFunction = async run => {
  const client = run.client().send('GET /endless HTTP/1.1\r\nHost: app.test\r\n')
  const line = Buffer.from(`X-Line: ${'x'.repeat(1014)}\r\n`.repeat(16))
  const taken = await takenOfEndless(run, client.socket as never, line)
  must(taken < 2 * MIB, `${Math.round(taken / 1024)} KiB were taken`)
  await checkNeighbours(run)
  return `${Math.round(taken / 1024)} KiB taken, ${client.received.toString('latin1').slice(0, 12)}`
}

const slowHeader: CaseFunction = async run => {
  const client = run.client().send('GET /slow HTTP/1.1\r\nX-Slow: ')
  const timer = setInterval(() => client.send('x'), 500)
  run.cleanup(() => clearInterval(timer))
  const took = await within(9_000, () => client.closed || client.received.includes(' 408 '), 'still open')
  return `${Math.round(took)} ms ${client.received.toString('latin1').slice(0, 12)}`
}

const silence: CaseFunction = async run => {
  const client = run.client()
  const took = await within(9_000, () => client.closed || client.received.includes(' 408 '), 'still open')
  return `${Math.round(took)} ms`
}

const stalledPost: CaseFunction = async run => {
  const client = run.client()
  client.send(`POST /s-${run.id} HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1000\r\n\r\n0123456789`)
  const took = await within(9_000, () => client.closed || client.received.includes(' 408 '), 'neither 408 nor closed')
  await sleep(300)
  for (const message of run.lab.a.seen(`s-${run.id}`)) {
    must(!message.isComplete, 'the upstream request is complete')
    must(!run.lab.a.isOpen(message.connection), 'its connection is open')
  }
  return `${Math.round(took)} ms ${client.received.toString('latin1').slice(0, 12)}`
}

/** Sends a 200 of `size` bytes and respects backpressure. */
export async function sendLarge(arrival: Arrival, size: number, head = 'HTTP/1.1 200 OK\r\n'): Promise<void> {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  arrival.write(`${head}Content-Length: ${size}\r\n\r\n`)
  for (let sent = 0; sent < size && !arrival.socket.destroyed; sent += chunk.length) {
    if (!arrival.write(chunk)) await arrival.drained
  }
  arrival.end()
}

const slowRead: CaseFunction = async run => {
  const { a } = run.lab
  a.scripts.set(`s-${run.id}`, arrival => sendLarge(arrival, 64 * MIB))
  const client = run.client()
  client.socket.pause()
  client.send(requestBytes(`/s-${run.id}`))
  await within(2_000, () => a.seen(`s-${run.id}`).length === 1, 'nothing upstream')
  const number = a.seen(`s-${run.id}`)[0]?.connection ?? -1
  const took = await within(15_000, () => !a.isOpen(number), 'the upstream connection is held')
  await checkNeighbours(run)
  return `${Math.round(took)} ms`
}

const idleConnections: CaseFunction = async run => {
  for (let i = 0; i < 500; i++) {
    const client = run.client().send('GET / HTTP/1.1\r\nHost: ap')
    if (i % 50 === 49) await once(client.socket, 'connect')
  }
  const got = await ask(run, `/i-${run.id}`)
  must(got.status === 200 && got.ms < 2_000, `answered ${got.status} after ${Math.round(got.ms)} ms`)
  return `${Math.round(got.ms)} ms`
}

const bodyOverLimit: CaseFunction = async run => {
  const bytes = requestBytes(`/b-${run.id}`, { host: 'limit.test', method: 'POST', body: Buffer.alloc(3 * MIB, 'x') })
  const sent = await sendRaw(run, bytes)
  must(sent.status === 413, `answered ${sent.status}`)
  must(!run.lab.a.seen(`b-${run.id}`).some(({ isComplete }) => isComplete), 'the upstream got a complete request')
  await chunkedOverLimit(run)
  await checkNeighbours(run)
}

/** The same without a length in front: the limit counts bytes. */
async function chunkedOverLimit(run: CaseRun): Promise<void> {
  const head = `POST /c-${run.id} HTTP/1.1\r\nHost: limit.test\r\nTransfer-Encoding: chunked\r\n\r\n`
  const sent = await sendRaw(run, `${head}${`10000\r\n${'x'.repeat(65536)}\r\n`.repeat(48)}0\r\n\r\n`)
  must(sent.status === 413, `chunked: answered ${sent.status}`)
  must(!run.lab.a.seen(`c-${run.id}`).some(({ isComplete }) => isComplete), 'chunked: complete upstream')
}

const bodyUnderLimit: CaseFunction = async run => {
  const body = Buffer.alloc(900 * 1024, 'y')
  const got = await ask(run, `/b-${run.id}`, { host: 'limit.test', method: 'POST', body })
  const [message] = run.lab.a.seen(`b-${run.id}`)
  must(got.status === 200 && message?.body.equals(body), `answered ${got.status}, ${message?.bodyBytes} bytes upstream`)
}

const pollutingBody: CaseFunction = async run => {
  const bodies = ['{"__proto__":{"a":1}}', '']
  for (const [i, body] of bodies.entries()) {
    const path = `/j${i}-${run.id}`
    const got = await ask(run, path, { method: 'POST', lines: ['Content-Type: application/json'], body })
    const [message] = run.lab.a.seen(path)
    must(
      got.status === 200 && message?.body.toString() === body,
      `answered ${got.status}, upstream got ${message?.body}`,
    )
  }
}

export const limits: Readonly<Record<string, CaseFunction>> = {
  'header-endless': endlessHeader,
  'slowloris-header': slowHeader,
  'connect-and-say-nothing': silence,
  'slow-post-stalled': stalledPost,
  'slow-read': slowRead,
  '500-idle-connections': idleConnections,
  'body-over-limit': bodyOverLimit,
  'body-under-limit': bodyUnderLimit,
  'proto-pollution-body': pollutingBody,
}
