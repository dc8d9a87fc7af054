/** What the cases send with, wait with and measure with. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type RawAnswer, RawClient } from '../../support/raw-client.ts'
import { type CaseRun, Miss, must } from './types.ts'

export { sleep }

export interface Asked {
  readonly host?: string
  readonly method?: string
  /** Lines without line ends. */
  readonly lines?: readonly string[]
  readonly body?: string | Buffer
  /** Time for the whole answer. */
  readonly ms?: number
}

/** The bytes of a request; Content-Length is added for a body. */
export function requestBytes(target: string, asked: Asked = {}): Buffer {
  const { host = 'app.test', method = 'GET', lines = [], body } = asked
  const bytes = body === undefined ? undefined : Buffer.from(body as string, 'latin1')
  const all = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...lines]
  if (bytes !== undefined) all.push(`Content-Length: ${bytes.length}`)
  return Buffer.concat([Buffer.from(`${all.join('\r\n')}\r\n\r\n`, 'latin1'), bytes ?? Buffer.alloc(0)])
}

export interface Timed extends RawAnswer {
  readonly ms: number
  readonly text: string
}

/** Asks on a connection of its own. Throws when there is no answer. */
export async function ask(run: CaseRun, target: string, asked: Asked = {}): Promise<Timed> {
  const start = performance.now()
  const client = new RawClient(run.lab.port).send(requestBytes(target, asked))
  try {
    const got = await client.answer(asked.method ?? 'GET', asked.ms ?? 10_000)
    return { ...got, ms: performance.now() - start, text: got.body.toString('latin1') }
  } finally {
    client.close()
  }
}

/** As `ask`, with status 0 for a connection that ended, or stayed silent, without an answer. */
export async function tryAsk(run: CaseRun, target: string, asked: Asked = {}): Promise<{ status: number; ms: number }> {
  const start = performance.now()
  try {
    return await ask(run, target, asked)
  } catch {
    return { status: 0, ms: performance.now() - start }
  }
}

export interface Sent {
  /** Final answers in order. */
  readonly answers: RawAnswer[]
  /** First status, 0 without an answer. */
  readonly status: number
  /** The gateway has closed the connection. */
  readonly closed: boolean
  readonly raw: string
}

/** Sends bytes and waits until the gateway closes, or has answered and stays quiet, or 8 s have passed. */
export async function sendRaw(run: CaseRun, bytes: string | Buffer, quietMs = 300): Promise<Sent> {
  const client = run.client().send(bytes)
  const answers: RawAnswer[] = []
  const deadline = Date.now() + 8_000
  let raw = ''
  client.socket.on('data', chunk => {
    raw += chunk.toString('latin1')
  })
  while (Date.now() < deadline) {
    const wait = answers.length === 0 ? deadline - Date.now() : quietMs
    const got = await client.answer(answers.length === 0 ? methodOf(bytes) : 'GET', wait).catch(() => null)
    if (got === null) break
    answers.push(got)
  }
  return { answers, status: answers[0]?.status ?? 0, closed: client.closed, raw }
}

function methodOf(bytes: string | Buffer): string {
  const text = bytes.toString('latin1')
  return text.slice(0, Math.max(0, text.indexOf(' ')))
}

/** A refusal by status, or a closed connection without an answer. */
export function isRejected(sent: Sent): boolean {
  return sent.status >= 400 || (sent.status === 0 && sent.closed)
}

/** Polls until `holds`; throws `Miss` after `ms`. Returns the milliseconds that it took. */
export async function within(ms: number, holds: () => boolean, reason: string): Promise<number> {
  const start = performance.now()
  while (!holds()) {
    if (performance.now() - start > ms) throw new Miss(`${reason} (waited ${ms} ms)`)
    await sleep(10)
  }
  return performance.now() - start
}

/** Other clients, one after another, get their own answers. */
export async function checkNeighbours(run: CaseRun, count = 3): Promise<void> {
  for (let i = 0; i < count; i++) {
    const target = `/n-${run.id}-${i}`
    const got = await ask(run, target, { ms: 5_000 })
    must(got.status === 200 && got.text === `A GET ${target}`, `a later GET got ${got.status} ${got.text.slice(0, 80)}`)
  }
}

export function noFaults(run: CaseRun): void {
  const faults = run.lab.origins.flatMap(origin => origin.faults)
  must(faults.length === 0, `ambiguous upstream: ${faults.join('; ').slice(0, 400)}`)
}

export interface MemoryWatch {
  /** Ends the watch; growth of the peak over the start in MiB. */
  stop(): number
  now(): number
}

/** Watches the resident memory of the gateway. */
export function watchMemory(run: CaseRun): MemoryWatch {
  const read = () => run.lab.gateway.rssBytes() / 1024 ** 2
  const start = read()
  let peak = start
  const timer = setInterval(() => {
    if (run.lab.isAlive()) peak = Math.max(peak, read())
  }, 50)
  run.cleanup(() => clearInterval(timer))
  const stop = () => {
    clearInterval(timer)
    return Math.max(peak, read()) - start
  }
  return { stop, now: () => read() - start }
}
