/** Answers of origins through the running gateway; after each of them somebody else asks, and has to get what is theirs. */
import fc from 'fast-check'
import type { Arrival } from '../conformance/faults/origin.ts'
import { type Reply, reply } from './answer-grammar.ts'
import type { Bounds } from './fuzz-requests.ts'
import { isOwn, judgeAnswer } from './judge-answers.ts'
import { readAnswer } from './read-answers.ts'
import { piecesOf } from './request-grammar.ts'
import { openRig, type Rig, talk } from './rig.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface AnswerTally {
  runs: number
  passed: number
  /** The gateway answered for the origin. */
  replaced: number
  cut: number
}

/** The origin's silence ends after 150 ms here, so this is never reached. */
const PATIENCE_MS = 3_000
let count = 0

/** Says the bytes of the reply, piece by piece, whenever it is asked with the token. */
export async function say(arrival: Arrival, { bytes, cuts, after }: Reply): Promise<void> {
  await arrival.message.complete.promise
  for (const piece of piecesOf(bytes, cuts)) {
    arrival.write(piece)
    await new Promise(resolve => setImmediate(resolve))
  }
  arrival.end()
  if (after === 'end') arrival.socket.end()
  else if (after === 'reset') arrival.socket.resetAndDestroy()
}

/** @returns everything that is wrong */
export async function tryAnswer(rig: Rig, given: Reply, tally?: AnswerTally): Promise<string[]> {
  const token = `/r${++count}`
  const { method } = given
  rig.origin.messages = []
  rig.origin.faults = []
  rig.origin.scripts.clear()
  rig.origin.scripts.set(`${token} `, arrival => void say(arrival, given))
  const body = method === 'POST' ? 'Content-Length: 2\r\n\r\nab' : '\r\n'
  const ask = `${method} ${token} HTTP/1.1\r\nHost: fuzz.test\r\n${body}`
  const isEnough = (text: string) => readAnswer(text, method, false).ending === 'whole'
  const { answered, isLate } = await talk(rig.port, ask, [], { isEnough, ms: PATIENCE_MS })
  const wrong = [...judgeAnswer(given, answered), ...rig.origin.faults]
  if (isLate) wrong.push('neither an answer nor an end came')
  wrong.push(...(await askOther(rig)))
  if (!rig.isAlive()) wrong.push(`the gateway has ended: ${rig.gateway.log().slice(-2_000)}`)
  if (tally !== undefined) add(tally, answered, method)
  return wrong.map(text => `${text}\nanswered: ${JSON.stringify(answered.slice(0, 500))}`)
}

/** What else is on that connection must never become the answer to somebody else. */
async function askOther({ port }: Rig): Promise<string[]> {
  const path = `/other${count}`
  const isEnough = (text: string) => readAnswer(text, 'GET', false).ending === 'whole'
  const { answered } = await talk(port, `GET ${path} HTTP/1.1\r\nHost: fuzz.test\r\n\r\n`, [], {
    isEnough,
    ms: PATIENCE_MS,
  })
  const { answer, end } = readAnswer(answered, 'GET', true)
  const isRight = answer?.status === 200 && answer.body === `O GET ${path}` && end === answered.length
  return isRight ? [] : [`somebody else got ${JSON.stringify(answered.slice(0, 500))}`]
}

function add(tally: AnswerTally, answered: string, method: string): void {
  const { answer, ending } = readAnswer(answered, method, true)
  tally.runs++
  if (answer === null || ending !== 'whole') tally.cut++
  else if (isOwn(answer)) tally.replaced++
  else tally.passed++
}

export async function fuzzAnswers(
  t: Teardown,
  { seed, runs, ms }: Bounds,
  client: 'native' | 'undici' = 'native',
): Promise<AnswerTally> {
  const rig = await openRig(t, { client, silenceMs: 150 })
  const tally: AnswerTally = { runs: 0, passed: 0, replaced: 0, cut: 0 }
  await fc.assert(
    fc.asyncProperty(reply, async given => {
      const wrong = await tryAnswer(rig, given, tally)
      if (wrong.length > 0) throw new Error(wrong.join('\n'))
    }),
    { seed, numRuns: runs, interruptAfterTimeLimit: ms, markInterruptAsFailure: false },
  )
  return tally
}
