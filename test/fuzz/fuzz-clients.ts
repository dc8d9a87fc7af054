/**
 * The same bytes of an origin read by our own client of HTTP/1.1 and by undici's, behind the same pool: ours has to come to the
 * same (status, fields, body, whole or not), or to refuse what undici takes.
 */
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { isUpstreamFailure, type Upstreams } from '../../plugins/upstream/index.ts'
import { Origin } from '../conformance/faults/origin.ts'
import { send, startApp } from '../plugins/upstream/support.ts'
import { type Reply, reply } from './answer-grammar.ts'
import { say } from './fuzz-answers.ts'
import type { Bounds } from './fuzz-requests.ts'
import { explainLaxer, isStricter, type Read, withoutTrailingBlanks } from './judge-clients.ts'
import { readOriginsAnswer } from './read-answers.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface ClientTally {
  runs: number
  same: number
  /** Ours refused what undici took. */
  stricter: number
  /** Why ours took what undici refused, and how often. */
  readonly laxer: Record<string, number>
}

interface Pair {
  readonly origin: Origin
  readonly native: FastifyInstance
  readonly undici: FastifyInstance
}

export async function openPair(t: Teardown): Promise<Pair> {
  const origin = await new Origin('O').start()
  t.teardown(() => origin.stop())
  const group = { origins: [{ url: `http://127.0.0.1:${origin.port}` }], headTimeoutMs: 150, idleTimeoutMs: 150 }
  const native = await startApp(t, { ...group, client: 'native' })
  const undici = await startApp(t, { ...group, client: 'undici' })
  return { origin, native, undici }
}

let count = 0

/** @returns what is wrong, and null where nothing is */
export async function tryClients(
  { origin, native, undici }: Pair,
  given: Reply,
  tally?: ClientTally,
): Promise<string | null> {
  const token = `/r${++count}`
  origin.scripts.clear()
  origin.scripts.set(`${token} `, arrival => void say(arrival, given))
  const [ours, theirs] = await Promise.all([
    read(native.upstream, given, token),
    read(undici.upstream, given, token).then(withoutTrailingBlanks),
  ])
  if (tally !== undefined) tally.runs++
  if (JSON.stringify(ours) === JSON.stringify(theirs)) {
    if (tally !== undefined) tally.same++
    return null
  }
  if (isStricter(ours, theirs)) {
    if (tally !== undefined) tally.stricter++
    return null
  }
  const model = readOriginsAnswer(given.bytes, given.method, given.after === 'end')
  const why = explainLaxer(ours, theirs, model)
  if (why !== null && tally !== undefined) tally.laxer[why] = (tally.laxer[why] ?? 0) + 1
  return why === null ? `ours ${JSON.stringify(ours)}\ntheirs ${JSON.stringify(theirs)}` : null
}

async function read(upstreams: Upstreams, { method }: Reply, path: string): Promise<Read> {
  const body = method === 'POST' ? Buffer.from('ab') : null
  try {
    const { status, headers, body: got, trailers } = await send(upstreams, { method, path, body })
    return { isWhole: true, status, headers: [...headers], body: got.toString('latin1'), trailers: [...trailers] }
  } catch (error) {
    if (!isUpstreamFailure(error)) throw error
    return { isWhole: false, status: 0, headers: [], body: '', trailers: [] }
  }
}

export async function fuzzClients(t: Teardown, { seed, runs, ms }: Bounds): Promise<ClientTally> {
  const pair = await openPair(t)
  const tally: ClientTally = { runs: 0, same: 0, stricter: 0, laxer: {} }
  await fc.assert(
    fc.asyncProperty(reply, async given => {
      const wrong = await tryClients(pair, given, tally)
      if (wrong !== null) throw new Error(wrong)
    }),
    { seed, numRuns: runs, interruptAfterTimeLimit: ms, markInterruptAsFailure: false },
  )
  return tally
}
