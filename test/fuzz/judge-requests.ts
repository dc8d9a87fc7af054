/**
 * Whether what reached the origin, and what the client was told, can be right for the bytes that the client sent. Pure.
 */
import type { Message } from '../conformance/faults/strict-reader.ts'
import { type Answer, readAnswers } from './read-answers.ts'
import { type Asked, type Reading, readRequests } from './read-requests.ts'
import { type Field, readFields, trimBlanks, valuesOf } from './wire-lines.ts'

/** What happened when these bytes were sent to the gateway. */
export interface Seen {
  readonly bytes: string
  readonly answered: string
  readonly messages: readonly Message[]
  /** Ambiguities found by the origin itself. */
  readonly faults: readonly string[]
}

/** Fields that the gateway writes itself. */
const own = new Set([
  'via',
  'host',
  'content-length',
  'transfer-encoding',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'forwarded',
  'x-real-ip',
  'x-request-id',
  'connection',
  'te',
  'trailer',
  'accept-encoding',
  'upgrade',
  'traceparent',
])

/** Everything that is wrong; empty = all invariants hold. */
export function judgeRequests(seen: Seen): string[] {
  const reading = readRequests(seen.bytes)
  const { answers, ending } = readAnswers(
    seen.answered,
    reading.requests.map(({ method }) => method),
  )
  return [
    ...seen.faults,
    ...judgeForwarded(seen.messages, reading),
    ...(ending === 'invalid' ? ['the client was sent something that is no answer'] : []),
    ...judgeAnswers(answers, seen.messages, reading),
  ]
}

/** What came although none of these bytes asked for it. */
export function findUnasked(messages: readonly Message[], bytes: string): Message[] {
  const { requests } = readRequests(bytes)
  return messages.filter(message => !requests.some(asked => isSame(message, asked)))
}

/** The forwarded requests are some of the asked ones, in their order: each is looked for behind the one before. */
function judgeForwarded(messages: readonly Message[], { requests }: Reading): string[] {
  let next = 0
  const wrong: string[] = []
  for (const message of messages) {
    const candidates = requests.flatMap((asked, i) => (i >= next && isSame(message, asked) ? [i] : []))
    const at = candidates.find(i => judgeFields(message, requests[i] as Asked).length === 0) ?? candidates[0] ?? -1
    if (at < 0)
      wrong.push(
        `reached the origin and was not asked: ${JSON.stringify(message.head.slice(0, 400))} + ${JSON.stringify(message.body.toString('latin1').slice(0, 200))}`,
      )
    else {
      next = at + 1
      wrong.push(...judgeFields(message, requests[at] as Asked))
    }
  }
  return wrong
}

function isSame(message: Message, asked: Asked): boolean {
  if (message.method !== asked.method || !isSameTarget(message.target, asked)) return false
  const body = message.body.toString('latin1')
  if (message.isComplete) return asked.ending === 'whole' && body === asked.body
  return asked.body.startsWith(body)
}

/** Byte for byte in origin-form; dot segments may have been resolved. RFC 9112 §3.2.4 for OPTIONS without a path. */
export function isSameTarget(forwarded: string, { method, target: asked }: Asked): boolean {
  if (forwarded === '*' && method === 'OPTIONS') return /^(\*|https?:\/\/[^/?]*)$/i.test(asked)
  const path = asked.replace(/^https?:\/\/[^/?]*/i, '')
  const wanted = path === '' || path.startsWith('?') ? `/${path}` : path
  return forwarded === wanted || forwarded === withoutDots(wanted)
}

/** RFC 3986 §5.2.4, also for dots that are spelled %2e. */
function withoutDots(target: string): string {
  const [, path = '', query = ''] = /^([^?]*)(.*)$/s.exec(target) ?? []
  const kept: string[] = []
  const segments = path.split('/').slice(1)
  for (const [i, segment] of segments.entries()) {
    const plain = segment.replace(/%2e/gi, '.')
    const isDots = plain === '.' || plain === '..'
    if (plain === '..') kept.pop()
    if (!isDots) kept.push(segment)
    else if (i === segments.length - 1) kept.push('')
  }
  return `/${kept.join('/')}${query}`
}

function judgeFields(message: Message, asked: Asked): string[] {
  const nominated = new Set(
    valuesOf(asked.fields, 'connection').flatMap(value => value.toLowerCase().split(',').map(trimBlanks)),
  )
  // Several Cookie lines become one, as RFC 9113 §8.2.3 asks for.
  const cookies = valuesOf(asked.fields, 'cookie').join('; ')
  const isMine = ([name, value]: Field) =>
    asked.fields.some(([n, v]) => n === name && v === value) || (name === 'cookie' && value === cookies)
  const wrong: string[] = []
  for (const field of readFields(message.head.split('\r\n').slice(1)) ?? []) {
    const [name] = field
    if (own.has(name)) continue
    if (!isMine(field)) wrong.push(`a field that nobody sent: ${JSON.stringify(field)}`)
    if (nominated.has(name)) wrong.push(`a field that Connection names: ${name}`)
    if (name.includes('_')) wrong.push(`a name with an underscore: ${name}`)
  }
  return wrong
}

function judgeAnswers(answers: readonly Answer[], messages: readonly Message[], { requests, rest }: Reading): string[] {
  const wrong: string[] = []
  const most = requests.length + (rest === 'whole' ? 0 : 1)
  if (answers.length > most) wrong.push(`${answers.length} answers to ${most} requests`)
  // The origin answers with its name and what it was asked: nobody may get the answer to something else.
  const whole = messages.filter(({ isComplete }) => isComplete)
  const expected = whole.map(({ method, target }) => (method === 'HEAD' ? '' : `O ${method} ${target}`))
  const got = answers.filter(({ status }) => status === 200).map(({ body }) => body)
  if (got.some((body, i) => body !== expected[i] && !(expected[i] ?? '').startsWith(body)))
    wrong.push(`answers ${JSON.stringify(got)} to forwarded ${JSON.stringify(expected)}`)
  return wrong
}
