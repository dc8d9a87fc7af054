/**
 * `npm run fuzz:differential`: the same bytes to Hearthgate, nginx and HAProxy, each before an origin of its own; what reached the
 * origin and with which status it was answered. Reports each case in which more went through us than through both of them.
 *
 *     node test/fuzz/differential.ts [--count 3000] [--seed N]
 */
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { Origin } from '../conformance/faults/origin.ts'
import { History } from './history.ts'
import { readAnswers } from './read-answers.ts'
import { readRequests } from './read-requests.ts'
import { type Sent, sent } from './request-grammar.ts'
import { openRig, settle, talk } from './rig.ts'
import { isInstalled, type RivalName, rivalNames, startRival } from './rivals.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '3000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})

interface Passed {
  /** Method, target and body of each whole request that reached the origin. */
  readonly requests: readonly string[]
  readonly statuses: readonly number[]
}

interface Gate {
  readonly name: string
  readonly port: number
  readonly origin: Origin
  readonly history: History
}

const teardowns: (() => unknown)[] = []
const t = { teardown: (fn: () => unknown) => void teardowns.unshift(fn) }

async function openGates(): Promise<Gate[]> {
  const rig = await openRig(t)
  const gates: Gate[] = [{ name: 'hearthgate', port: rig.port, origin: rig.origin, history: new History() }]
  for (const name of rivalNames) {
    if (isInstalled(name)) gates.push(await openRival(name))
    else console.log(`# SKIP ${name} is not installed: apt-get install ${name}`)
  }
  return gates
}

async function openRival(name: RivalName): Promise<Gate> {
  const origin = await new Origin('O').start()
  t.teardown(() => origin.stop())
  return { name, port: await startRival(t, name, origin.port), origin, history: new History() }
}

async function pass({ port, origin, history }: Gate, { bytes: written, cuts }: Sent, ms: number): Promise<Passed> {
  origin.messages = []
  const bytes = history.begin(written)
  const { requests, rest } = readRequests(bytes)
  const methods = requests.map(({ method }) => method)
  const isEnough = (text: string) => rest !== 'invalid' && readAnswers(text, methods).answers.length >= requests.length
  const { answered } = await talk(port, bytes, cuts, { isEnough, ms: requests.length === 0 ? 20 : ms })
  await settle(origin)
  return {
    requests: history
      .sort(origin.messages)
      .messages.filter(({ isComplete }) => isComplete)
      .map(({ method, target, body }) => `${method} ${target} ${JSON.stringify(body.toString('latin1'))}`),
    statuses: readAnswers(answered, methods).answers.map(({ status }) => status),
  }
}

const [ours, ...rivals] = await openGates()
const count = { cases: 0, same: 0, stricter: 0, laxerThanOne: 0, laxerThanAll: 0 }
const seed = Number(values.seed)
console.log(`seed ${seed}`)
/** What none of them answers within this is looked at a second time, with patience. */
const [BRIEF_MS, LONG_MS] = [60, 1_500]

async function compare(each: Sent, ms: number) {
  const mine = await pass(ours as Gate, each, ms)
  const theirs = await Promise.all(rivals.map(rival => pass(rival, each, ms)))
  return { mine, theirs, fewer: theirs.filter(({ requests }) => requests.length < mine.requests.length).length }
}

for (const each of fc.sample(sent, { numRuns: Number(values.count), seed })) {
  const first = await compare(each, BRIEF_MS)
  const isDoubtful = first.fewer === rivals.length && first.fewer > 0
  const { mine, theirs, fewer } = isDoubtful ? await compare(each, LONG_MS) : first
  count.cases++
  if (fewer === rivals.length && fewer > 0) {
    count.laxerThanAll++
    console.log(`laxer than all: ${JSON.stringify(each.bytes.slice(0, 1_500))}`)
    console.log(`  hearthgate ${JSON.stringify(mine)}`)
    theirs.forEach((passed, i) => void console.log(`  ${rivals[i]?.name} ${JSON.stringify(passed)}`))
  } else if (fewer > 0) count.laxerThanOne++
  else if (theirs.some(({ requests }) => requests.length > mine.requests.length)) count.stricter++
  else count.same++
}
console.log(JSON.stringify(count))
for (const end of teardowns) await end()
process.exit(0)
