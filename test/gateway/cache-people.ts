/**
 * People, an origin that answers each of them with what is theirs and marks it truthfully (RFC 9111 §3.5, §4.1, §5.2.2),
 * and the check that nobody gets what was made for somebody else.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { RawAnswer } from '../support/raw-client.ts'
import type { RawRequest, Script } from '../support/raw-origin.ts'
import { partsOf } from './cache-range-origin.ts'

/** One letter is a person; it stands in everything that is theirs. `p` is the page of those who are nobody. */
export type Letter = 'a' | 'b' | 'c' | 'p'

export interface Person {
  readonly letter: Letter
  readonly hasCookie: boolean
  readonly hasAuthorization: boolean
}

export const stranger: Person = { letter: 'p', hasCookie: false, hasAuthorization: false }

export function linesOf({ letter, hasCookie, hasAuthorization }: Person): string[] {
  const lines: string[] = []
  if (hasCookie) lines.push(`Cookie: theme=dark; sid=${letter}`)
  if (hasAuthorization) lines.push(`Authorization: Bearer ${letter}`)
  return lines
}

/** A body of one letter, so that any stretch of it tells whose it is. */
export const BODY_LENGTH = 600

interface Mark {
  readonly lines: readonly string[]
  /** True only of answers to requests with Authorization. */
  readonly isForAuthorization?: boolean
  /** Means what it says only with an entity tag of the person's own. */
  readonly needsTag?: boolean
}

const control = (value: string, more: Partial<Mark> = {}): Mark => ({ lines: [`Cache-Control: ${value}`], ...more })
const fresh = 'Cache-Control: max-age=60'

/** How an origin says that an answer is for one person. */
const personalMarks: readonly Mark[] = [
  ...['private', 'private, max-age=60', 'max-age=60, private', 'private="", max-age=60', 'PRIVATE, s-maxage=60'],
  ...['no-store', 'no-store, max-age=60', 'public, no-store, max-age=60', 'private, no-cache="x", max-age=60'],
]
  .map(value => control(value))
  .concat([
    ...['no-cache', 'no-cache, max-age=60', 's-maxage=0, max-age=60', 'max-age=0, must-revalidate'].map(value =>
      control(value, { needsTag: true }),
    ),
    { lines: [fresh, 'Vary: Cookie'] },
    { lines: [fresh, 'Vary: Accept-Encoding', 'vary: cookie'] },
    { lines: ['Cache-Control: public, max-age=60', 'Vary: Cookie, Authorization'] },
    { lines: ['Cache-Control: s-maxage=60', 'Vary: Authorization, Cookie'] },
    { lines: ['Cache-Control: public, max-age=60', 'Vary: *'] },
    { lines: ['Cache-Control: public, max-age=60', 'CDN-Cache-Control: private'] },
    { lines: ['Expires: Thu, 01 Jan 2099 00:00:00 GMT', 'Cache-Control: private'] },
    { lines: [fresh], isForAuthorization: true },
    { lines: ['Expires: Thu, 01 Jan 2099 00:00:00 GMT'], isForAuthorization: true },
    { lines: ['Cache-Control: public, max-age=60', 'Vary: Authorization'], isForAuthorization: true },
    // Nothing at all: what has no lifetime is not for others, whatever its date invites to guess.
    { lines: [] },
    { lines: ['Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT'] },
  ])

/** `Plan.mark` below this number goes through all of them. */
export const MARKS = personalMarks.length

/** How it marks what everybody may see. */
const sharedMarks: readonly Mark[] = [
  ...['public, max-age=60', 'max-age=60', 's-maxage=60', 'max-age=0', 'no-cache', 'no-store', 'private'].map(value =>
    control(value),
  ),
  control('max-age=0, stale-while-revalidate=60'),
  control('public, max-age=60, stale-if-error=60'),
  { lines: [fresh, 'Vary: Cookie'] },
  { lines: [fresh, 'Vary: Accept-Encoding, Accept-Language'] },
  { lines: [] },
]

/** What one request asks the origin to do, in the field X-Plan; the cache knows nothing of it. */
export interface Plan {
  readonly mark: number
  /** A Set-Cookie that nobody else may get; it is a mark of its own. */
  readonly setsCookie: boolean
  readonly isShared: boolean
  readonly hasTag: boolean
  readonly slowMs: number
}

export const planLine = (plan: Plan) => `X-Plan: ${JSON.stringify(plan)}`

let cookiesSet = 0

/** The origin: it knows a person by cookie or credentials, and ranges and conditions of what is theirs. */
export const peopleOrigin: Script = async (request, socket) => {
  const plan = JSON.parse(request.headers['x-plan'] ?? '{}') as Plan
  const letter = letterOf(request)
  const shown = plan.isShared ? 'p' : letter
  const mark = markFor(plan, shown, request)
  const bytes = answerFor(request, shown, [...mark, ...cookieFor(plan, letter)], plan)
  const half = Math.floor(bytes.length / 2)
  if (plan.slowMs > 0) await sleep(plan.slowMs)
  socket.write(bytes.subarray(0, half))
  if (plan.slowMs > 0) await sleep(1)
  socket.write(bytes.subarray(half))
}

function letterOf({ headers }: RawRequest): Letter {
  const found = /sid=([abc])/.exec(headers['cookie'] ?? '') ?? /^Bearer ([abc])/.exec(headers['authorization'] ?? '')
  return (found?.[1] ?? 'p') as Letter
}

/** Chooses among the marks that are true of this answer. */
function markFor({ mark, hasTag, setsCookie }: Plan, shown: Letter, { headers }: RawRequest): readonly string[] {
  if (shown === 'p') return sharedMarks[mark % sharedMarks.length]?.lines ?? []
  // Set-Cookie says it by itself.
  if (setsCookie && mark % 2 === 0) return [fresh]
  const isAuthorized = headers['authorization'] !== undefined
  const usable = personalMarks.filter(
    each => (each.isForAuthorization !== true || isAuthorized) && (each.needsTag !== true || hasTag),
  )
  return usable[mark % usable.length]?.lines ?? []
}

const cookieFor = ({ setsCookie }: Plan, letter: Letter) =>
  setsCookie ? [`Set-Cookie: got=${letter}-${++cookiesSet}; Path=/; HttpOnly`] : []

function answerFor(request: RawRequest, shown: Letter, lines: readonly string[], plan: Plan): Buffer {
  const { headers, method } = request
  const tag = `"${shown}-tag"`
  const fields = Object.entries({
    'Content-Type': 'image/png',
    'X-Shown': shown,
    ...(plan.hasTag ? { ETag: tag } : {}),
  })
  const all = [...fields.map(([name, value]) => `${name}: ${value}`), ...lines]
  if (plan.hasTag && isNamed(headers['if-none-match'], tag)) return head(304, all)
  const body = Buffer.alloc(BODY_LENGTH, shown)
  const part = rangeOf(headers, plan.hasTag ? tag : null)
  if (method === 'HEAD') return head(200, [...all, `Content-Length: ${BODY_LENGTH}`])
  if (part === null) return Buffer.concat([head(200, [...all, `Content-Length: ${BODY_LENGTH}`]), body])
  const [first, last] = part
  const span = [`Content-Range: bytes ${first}-${last}/${BODY_LENGTH}`, `Content-Length: ${last - first + 1}`]
  return Buffer.concat([head(206, [...all, ...span]), body.subarray(first, last + 1)])
}

const head = (status: number, lines: readonly string[]) =>
  Buffer.from([`HTTP/1.1 ${status} Status`, ...lines, '', ''].join('\r\n'))

const isNamed = (field: string | undefined, tag: string) => field === '*' || field?.includes(tag) === true

function rangeOf(headers: RawRequest['headers'], tag: string | null): [number, number] | null {
  const match = /^bytes=(\d+)-(\d+)$/.exec(headers['range'] ?? '')
  if (match === null || (headers['if-range'] !== undefined && headers['if-range'] !== tag)) return null
  return [Number(match[1]), Number(match[2])]
}

/** Every Set-Cookie that anybody has got. */
const delivered = new Set<string>()

/** Why this person must not get this answer; null when all is well. */
export function foreignIn(person: Person, method: string, got: RawAnswer): string | null {
  const isAllowed = (letter: string | undefined) => letter === person.letter || letter === 'p'
  const { headers, status, body } = got
  const shown = headers['x-shown']
  if (shown !== undefined && !isAllowed(shown)) return `the answer of ${shown}`
  const tag = /^(?:W\/)?"([abcp])-tag"$/.exec(headers['etag'] ?? '')?.[1]
  if (tag !== undefined && !isAllowed(tag)) return `${status} with the tag of ${tag}`
  for (const line of headers['set-cookie']?.split('\n') ?? []) {
    const owner = /^got=([abcp])-/.exec(line)?.[1]
    if (!isAllowed(owner)) return `a cookie of ${owner}`
    if (delivered.has(line)) return `a cookie that somebody else has got: ${line}`
    delivered.add(line)
  }
  if (status !== 200 && status !== 206) return null
  if (shown === undefined) return `${status} without X-Shown`
  if (method === 'HEAD') return null
  const bytes = status === 200 ? body : Buffer.concat(partsOf(got).map(part => part.bytes))
  const isTheirs = bytes.equals(Buffer.alloc(status === 200 ? BODY_LENGTH : bytes.length, shown))
  return isTheirs ? null : `as ${shown}, ${body.length} bytes ${body.subarray(0, 40)}`
}

/** The answer came from the store. */
export const isHit = ({ headers }: Pick<RawAnswer, 'headers'>) => /hearthgate; hit/.test(headers['cache-status'] ?? '')
