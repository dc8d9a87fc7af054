/** Generated stories of people who ask for one address, at once and one after another, and how a story is played. */
import fc from 'fast-check'
import { exchange } from '../support/raw-client.ts'
import { foreignIn, isHit, type Letter, linesOf, type Person, type Plan, planLine, stranger } from './cache-people.ts'

export interface Ask {
  readonly who: Person
  readonly method: string
  /** Lines of the request beside those of the person. */
  readonly extras: readonly string[]
  readonly plan: Plan
}

export interface Scenario {
  readonly host: string
  /** The token of the run is put behind. */
  readonly path: string
  /** The requests of a batch are sent at once, the batches one after another. */
  readonly batches: readonly (readonly Ask[])[]
}

const paths = ['/core/preview.png?fileId=', '/photos/holiday.jpg?', '/account/', '/u/a%2fb.css?v=', '/f/;x.jpg?']

/** What clients, and those who wish others ill, add to a request. */
const extras = [
  ...['no-cache', 'max-age=0', 'max-stale', 'max-stale=600, max-age=600', 'only-if-cached', 'no-store'].map(
    value => `Cache-Control: ${value}`,
  ),
  ...['only-if-cached, max-stale', 'stale-if-error=600', 'min-fresh=1'].map(value => `Cache-Control: ${value}`),
  ...['"a-tag"', '"b-tag"', 'W/"a-tag", "p-tag"', '*'].map(value => `If-None-Match: ${value}`),
  'If-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT',
  ...['bytes=0-9', 'bytes=300-599', 'bytes=-5', 'bytes=0-1,5-9'].map(value => `Range: ${value}`),
  ...['"a-tag"', '"p-tag"'].map(value => `If-Range: ${value}`),
  ...['gzip', 'gzip, br', 'identity'].map(value => `Accept-Encoding: ${value}`),
  ...['de', 'en'].map(value => `Accept-Language: ${value}`),
  ...['Cookie', 'Authorization', 'close, X-Shown'].map(value => `Connection: ${value}`),
  'Pragma: no-cache',
  'Accept: image/*',
  'Origin: https://elsewhere.test',
  'X-HTTP-Method-Override: GET',
  'X-Forwarded-For: 6.6.6.6',
]

const plan: fc.Arbitrary<Plan> = fc.record({
  mark: fc.nat(999),
  setsCookie: fc.constantFrom(true, false, false, false),
  isShared: fc.constantFrom(true, false, false),
  hasTag: fc.constantFrom(true, true, false),
  slowMs: fc.constantFrom(0, 0, 3, 10),
})

const means = fc.constantFrom([true, false], [true, false], [false, true], [true, true])

const person = (letter: Letter): fc.Arbitrary<Person> =>
  means.map(([hasCookie = true, hasAuthorization = false]) => ({ letter, hasCookie, hasAuthorization }))

const people = fc.tuple(person('a'), person('b'), person('c'))

/** Most stories keep to one way of marking, so that an answer meets the same kind of request again. */
export const scenarios: fc.Arbitrary<Scenario> = fc
  .record({ people, usual: plan, count: fc.integer({ min: 2, max: 4 }), isMixed: fc.boolean() })
  .chain(({ people, usual, count, isMixed }) => {
    const ask: fc.Arbitrary<Ask> = fc.record({
      who: fc.constantFrom(...people.slice(0, count), stranger),
      method: fc.constantFrom('GET', 'GET', 'GET', 'GET', 'HEAD'),
      extras: fc.oneof(fc.constant([]), fc.subarray(extras, { maxLength: 3 })),
      plan: isMixed ? plan : fc.constant(usual),
    })
    return fc.record({
      host: fc.constantFrom('plain.test', 'bold.test'),
      path: fc.constantFrom(...paths),
      batches: fc.array(fc.array(ask, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 6 }),
    })
  })

export interface Played {
  answers: number
  hits: number
  /** Hits of answers that are one person's. */
  ownHits: number
}

/** Throws when somebody gets what is not theirs. */
export async function play(port: number, scenario: Scenario, token: string): Promise<Played> {
  const played: Played = { answers: 0, hits: 0, ownHits: 0 }
  const one = async (ask: Ask) => {
    const { who, method, extras, plan } = ask
    const lines = [`Host: ${scenario.host}`, ...linesOf(who), ...extras, planLine(plan)]
    const got = await exchange(port, `${method} ${scenario.path}${token} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    const foreign = foreignIn(who, method, got)
    if (foreign !== null) throw new Error(`${who.letter} got ${foreign}\n${[got.line, ...got.lines].join('\n')}`)
    played.answers++
    if (!isHit(got)) return
    played.hits++
    if (got.headers['x-shown'] !== 'p') played.ownHits++
  }
  for (const batch of scenario.batches) await Promise.all(batch.map(one))
  return played
}
