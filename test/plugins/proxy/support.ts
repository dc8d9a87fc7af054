/** Generators of heads, and a request's facts, for the tests of the proxy's pure parts. */
import fc from 'fast-check'
import type { ClientFacts } from '../../../plugins/proxy/client-facts.ts'
import type { RequestHeadFacts } from '../../../plugins/proxy/request-head.ts'

export const noRules = { set: {}, remove: [] }

export const untrusted: ClientFacts = {
  peer: '203.0.113.9',
  address: '203.0.113.9',
  proto: 'http',
  host: 'wiki.home.arpa',
  port: 80,
  isPeerTrusted: false,
}

export const facts: RequestHeadFacts = {
  client: untrusted,
  host: 'wiki.home.arpa',
  httpVersion: '1.1',
  requestId: 'id-1',
  strippedPrefix: null,
  rules: noRules,
}

export type Line = readonly [name: string, value: string]

export const flat = (lines: readonly Line[]): string[] => lines.flatMap(line => [...line])

export function pairs(head: readonly string[]): [name: string, value: string][] {
  const lines: [string, string][] = []
  for (let i = 0; i < head.length; i += 2) lines.push([head[i] as string, head[i + 1] as string])
  return lines
}

/** All values of a field, in order. */
export const valuesOf = (head: readonly string[], name: string): string[] =>
  pairs(head).flatMap(([other, value]) => (other.toLowerCase() === name.toLowerCase() ? [value] : []))

/** Fields that no rule is about. */
export const plainNames = ['Accept', 'User-Agent', 'X-App-One', 'X-App-Two', 'Authorization', 'Content-Type', 'Referer']

export const value: fc.Arbitrary<string> = fc.constantFrom('6.6.6.6', 'a', 'https', 'root', '', 'x, y', 'text/plain')

/** One of these names in any case. */
export const spelled = (names: readonly string[]): fc.Arbitrary<string> => fc.mixedCase(fc.constantFrom(...names))

/** One of these names with some of its dashes as underscores. */
export const underscored = (names: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(spelled(names.filter(name => name.includes('-'))), fc.infiniteStream(fc.boolean()))
    .map(([name, flips]) => name.replaceAll('-', () => (flips.next().value ? '_' : '-')))

/** A Connection line that nominates some of these names. */
export const nominating = (names: readonly string[]): fc.Arbitrary<Line> =>
  fc.tuple(
    spelled(['connection']),
    fc
      .array(spelled([...names, 'close', 'keep-alive', '']), { minLength: 1, maxLength: 4 })
      .map(tokens => tokens.join(' , ')),
  )
