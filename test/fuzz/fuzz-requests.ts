/** HTTP/1.1 requests against the running gateway, judged at the origin and at the client. */
import fc from 'fast-check'
import { judgeRequests } from './judge-requests.ts'
import { readAnswers } from './read-answers.ts'
import { type Reading, readRequests } from './read-requests.ts'
import { type Sent, sent } from './request-grammar.ts'
import { openRig, type Rig, settle, talk, type Waiting } from './rig.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface Bounds {
  readonly seed: number
  readonly runs: number
  readonly ms: number
}

/** How much of it came to something: a fuzzer whose requests are all refused proves nothing. */
export interface Tally {
  runs: number
  forwarded: number
  refused: number
  late: number
}

/** @returns everything that is wrong with how these bytes were treated */
export async function tryRequests(rig: Rig, { bytes: written, cuts }: Sent, tally?: Tally): Promise<string[]> {
  rig.origin.messages = []
  rig.origin.faults = []
  const bytes = rig.history.begin(written)
  const reading = readRequests(bytes)
  const { answered, isLate } = await talk(rig.port, bytes, cuts, waitingFor(reading))
  await settle(rig.origin)
  const { faults } = rig.origin
  const { messages, late } = rig.history.sort(rig.origin.messages)
  if (tally !== undefined) {
    tally.runs++
    tally.forwarded += messages.length
    if (/^HTTP\/1\.1 [45]/m.test(answered)) tally.refused++
    if (isLate && reading.rest === 'whole') tally.late++
  }
  const wrong = [...judgeRequests({ bytes, answered, messages, faults }), ...late]
  if (!rig.isAlive()) wrong.push(`the gateway has ended: ${rig.gateway.log().slice(-2_000)}`)
  return wrong.map(text => `${text}\nanswered: ${JSON.stringify(answered.slice(0, 500))}`)
}

/** Nobody answers what is not all there, so it is given less time. */
function waitingFor({ requests, rest }: Reading): Waiting {
  const methods = requests.map(({ method }) => method)
  const whole = requests.filter(({ ending }) => ending === 'whole').length
  const isEnough = (text: string) =>
    rest !== 'invalid' && readAnswers(text, methods).answers.filter(({ ending }) => ending === 'whole').length >= whole
  return { isEnough, ms: whole === 0 ? 15 : rest === 'whole' ? 1_000 : 60 }
}

export async function fuzzRequests(t: Teardown, { seed, runs, ms }: Bounds): Promise<Tally> {
  const rig = await openRig(t)
  const tally: Tally = { runs: 0, forwarded: 0, refused: 0, late: 0 }
  await fc.assert(
    fc.asyncProperty(sent, async each => {
      const wrong = await tryRequests(rig, each, tally)
      if (wrong.length > 0) throw new Error(wrong.join('\n'))
    }),
    { seed, numRuns: runs, interruptAfterTimeLimit: ms, markInterruptAsFailure: false },
  )
  return tally
}
