/** One run of a case: the definitions to the origin, the exchanges one after another, the origin's view of them. */
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { checkAnswer } from './answer-checks.ts'
import { NoAnswer, type Received, type Sent, send } from './client.ts'
import { fieldValue, writtenValue } from './http-fields.ts'
import { checkOrigin } from './origin-checks.ts'
import { type CacheCase, check, type Ending, type Exchange, FailedCheck, type Field, type Seen } from './types.ts'

const PAUSE_MS = 3000

interface Step {
  readonly sent: Sent
  received: Received | null
  /** Time to the end of the answer. */
  ms: number
}

/** What a run leaves behind: how it ended, and what went over the wire. */
export interface CaseRun {
  readonly one: CacheCase
  readonly ending: Ending
  readonly exchanges: readonly Step[]
  /** Null = the origin could not be asked. */
  readonly state: readonly Seen[] | null
}

/** Runs a case against a cache on a port of loopback; never throws for what the cache does. */
export async function runCase(one: CacheCase, port: number, enforcesPairs: boolean): Promise<CaseRun> {
  const id = randomUUID()
  const exchanges: Step[] = []
  let state: Seen[] | null = null
  try {
    await putDefinitions(one, port, id)
    for (const [at, exchange] of one.requests.entries()) {
      const sent = requestOf(one, at, id, exchanges.at(-1)?.received ?? null)
      const step: Step = { sent, received: null, ms: 0 }
      exchanges.push(step)
      const begun = performance.now()
      step.received = await send(port, sent)
      step.ms = Math.round(performance.now() - begun)
      checkAnswer({ id, exchange, number: at + 1, received: step.received, enforcesPairs })
      if (exchange.pause_after === true) await pause(PAUSE_MS)
    }
    state = await stateOf(port, id)
    const answers = exchanges.map(({ received }) => received as Received)
    checkOrigin(one.requests, answers, state)
    return { one, ending: { type: 'held' }, exchanges, state }
  } catch (error) {
    if (!(error instanceof FailedCheck || error instanceof NoAnswer)) throw error
    // Only for the reader of the report.
    state ??= await stateOf(port, id).catch(() => null)
    return { one, ending: { type: error.type, message: error.message }, exchanges, state }
  }
}

async function putDefinitions(one: CacheCase, port: number, id: string): Promise<void> {
  const body = JSON.stringify(one.requests.map(exchange => ({ ...exchange, id: one.id, name: one.name })))
  const fields: Field[] = [['Content-Type', 'application/json']]
  const { status } = await send(port, { method: 'PUT', target: `/config/${id}`, fields, body })
  check(true, status === 201, `PUT /config was answered with ${status}`)
}

async function stateOf(port: number, id: string): Promise<Seen[]> {
  const { status, body } = await send(port, { method: 'GET', target: `/state/${id}`, fields: [] })
  check(true, status === 200 || status === 404, `GET /state was answered with ${status}`)
  return status === 404 ? [] : JSON.parse(body)
}

function requestOf(one: CacheCase, at: number, id: string, previous: Received | null): Sent {
  const exchange = one.requests[at] as Exchange
  const path = exchange.filename === undefined ? `/test/${id}` : `/test/${id}/${exchange.filename}`
  return {
    method: exchange.request_method ?? 'GET',
    target: exchange.query_arg === undefined ? path : `${path}?${exchange.query_arg}`,
    fields: [...joined(requestFields(exchange, previous)), ['Test-ID', one.id], ['Req-Num', String(at + 1)]],
    ...(exchange.request_body === undefined ? {} : { body: exchange.request_body }),
  }
}

/** What fetch() would send: its own fields, the placeholders that keep it from adding others, those of the case. */
function requestFields(exchange: Exchange, previous: Received | null): Field[] {
  const nowMs = Number(fieldValue(previous?.fields ?? [], 'server-now'))
  const own = (exchange.request_headers ?? []).map(
    ([name, value]): Field => [name, exchange.magic_ims === true ? writtenValue(name, value, nowMs) : String(value)],
  )
  return [
    ['Accept', '*/*'],
    ['Accept-Encoding', 'gzip, deflate'],
    ['User-Agent', 'cache-cases'],
    ['Pragma', 'foo'],
    ['Cache-Control', 'nothing-to-see-here'],
    ...own,
  ]
}

/** One line a name, as fetch() sends it. */
function joined(fields: readonly Field[]): Field[] {
  const lines = new Map<string, Field>()
  for (const [name, value] of fields) {
    const key = name.toLowerCase()
    const before = lines.get(key)
    lines.set(key, before === undefined ? [name, value] : [name, `${before[1]}, ${value}`])
  }
  return [...lines.values()]
}
