/** Facts of a route where all is well, to be changed by each case; and a reading of lines that the doctor gives. */
import type { Test } from 'tap'
import type { AroundFacts, AssetSeen, Expected, Pair, RouteFacts } from '../../../gateway/doctor/facts.ts'
import type { Check, Remedy, Status } from '../../../gateway/doctor/findings.ts'
import { judgeRoute } from '../../../gateway/doctor/judge.ts'
import { knownByPreset } from '../../../gateway/doctor/known-apps.ts'
import { readPage } from '../../../gateway/doctor/page.ts'
import { doorFor, originOf } from '../../../gateway/doctor/places.ts'
import type { CertificateFacts } from '../../../gateway/doctor/probes/certificate.ts'
import type { StreamSeen, TalkSeen } from '../../../gateway/doctor/probes/talks.ts'
import type { Answer, NoAnswer, Seen } from '../../../gateway/doctor/seen.ts'
import { problemLines, routeOf, withRoute } from '../config/support.ts'

export const NOW_MS = Date.parse('2026-06-01T12:00:00Z')
export const DAY_MS = 86_400_000

export function answerOf(status = 200, fields: Record<string, string> = {}, body: string | Buffer = ''): Answer {
  const lower = Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value] as const)
  return { kind: 'answer', status, fields: lower, body: Buffer.from(body), isWhole: true, headMs: 5, atMs: NOW_MS }
}

export const none = (code: string): NoAnswer => ({ kind: 'none', code, message: code })
export const talkOf = (status: number | null, code: string | null = null): TalkSeen => ({ status, error: null, code })

export function streamOf(status: number | null, firstMs: number | null, more: Partial<StreamSeen> = {}): StreamSeen {
  const seen = { type: 'text/event-stream', encoding: null, headMs: firstMs, firstMs, ended: false }
  return { ...talkOf(status), ...seen, ...more }
}

export type CertificateChange = Partial<Extract<CertificateFacts, { kind: 'shown' }>>

export function certificateOf(more: CertificateChange = {}): CertificateFacts {
  return {
    ...{ kind: 'shown', name: 'wiki.test', names: 'DNS:wiki.test', coversName: true, isSelfSigned: false },
    ...{ validFromMs: NOW_MS - DAY_MS, validToMs: NOW_MS + 90 * DAY_MS, distrust: null, pin: 'ab'.repeat(32) },
    ...more,
  }
}

const HTTPS = ['https://127.0.0.1:8443']
const FORWARDING = [
  ['x-forwarded-for', '127.0.0.1'],
  ['x-forwarded-proto', 'https'],
  ['x-forwarded-host', 'wiki.test:8443'],
] as const

export const knownApp = (preset: string) => knownByPreset(preset, 'its sign', true)

/** A route at `https://wiki.test:8443/` whose app answers 200 to everything. */
export function factsOf(lines: readonly string[] = [], more: Partial<RouteFacts> = {}, listen = HTTPS): RouteFacts {
  const route = routeOf(withRoute(...lines))
  const door = doorFor(listen, 'wiki.test')
  const origin = originOf('http://127.0.0.1:3000', null)
  if (door === null || origin === null) throw new Error('no door, or no origin')
  const page = answerOf(200, { 'Content-Type': 'text/html', Date: new Date(NOW_MS).toUTCString() }, '<title>A</title>')
  const fine = { target: '/', alone: page, named: page, forwarded: page, publicName: null, gatewayAddress: '127.0.0.1' }
  const forwarding = FORWARDING.map(([name, value]) => [name, value.replace('https', door.scheme)] as const)
  return {
    ...{ route, nowMs: NOW_MS, known: null, door, page: null, strict: [], ranges: null, webdav: null, upload: null },
    origins: [{ origin, seen: page, better: null }],
    expected: { route: 'wiki', target: '/', host: door.host, forwarding, refusal: null },
    around: fine,
    through: { hops: [], last: page, address: `${door.origin}/` },
    ...{ mount: { unstripped: null, stripped: null }, assets: { broken: [], largest: null } },
    ...{ upgrades: [], streams: [], certificates: [certificateOf()], originCertificate: null },
    issuers: { acme: false, localCa: false },
    ...more,
  }
}

/** Nothing is wrong here. */
export const well = factsOf()

export const ok = answerOf()
export const no = answerOf(404)
export const pair = <T>(direct: T, through: T | null): Pair<T> => ({ target: '/x', direct, through })
export const seenPair = (direct: Seen, through: Seen): Pair<Seen> => pair(direct, through)
export const pageWith = (html: string) => readPage(html, 'https://wiki.test:8443/')

/** A visit that ended, at the front page or where it led to, with this answer. */
export function visited(
  last: Answer | Record<string, string>,
  address = 'https://wiki.test:8443/',
): Pick<RouteFacts, 'through'> {
  return { through: { hops: [], last: 'kind' in last ? (last as Answer) : answerOf(200, last), address } }
}

/** What the app answered directly. */
export function appSaid(more: Partial<AroundFacts>): Pick<RouteFacts, 'around'> {
  return { around: { ...(well.around as AroundFacts), ...more } }
}

/** What the gateway says it does. */
export function gatewayDoes(more: Partial<Expected>): Pick<RouteFacts, 'expected'> {
  return { expected: { ...(well.expected as Expected), ...more } }
}

/** A file of the page. */
export function assetWith(more: Partial<AssetSeen>): Pick<RouteFacts, 'assets'> {
  const largest = { target: '/app.js', direct: ok, plain: ok, directEncoded: ok, encoded: ok, ...more }
  return { assets: { broken: [], largest } }
}

export const failure = (status: number, word: string): Answer => answerOf(status, {}, `{"code":"${word}"}`)

/** What the configuration says to a line for a route; empty = it takes it. */
export function problemsOf({ where, file, line }: Remedy): string[] {
  if (where === 'app') return []
  if (file === 'listen') return problemLines(`listen: { port: 8443, ${line} }\nroutes: []\n`).filter(isNotMissing)
  const [key = ''] = line.split(':')
  const rest = ['name: other', 'upstream: http://127.0.0.1:3000', 'match: { host: a.test, path: /a }']
  const kept = rest.filter(one => !one.startsWith(`${key}:`))
  // The port of an app that is not known stands for a number.
  const written = line.replace(/:PORT$/, ':3000')
  return problemLines(`routes:\n  - ${[...kept, written].join('\n    ')}\n`).filter(isNotMissing)
}

/** Certificates stand for files that a person is to make. */
const isNotMissing = (line: string): boolean => !/no such file|cannot be read|ENOENT|does not exist/i.test(line)

/** One thing that is wrong, the check that has to say so, and the line that it gives. */
export type Case = readonly [title: string, facts: RouteFacts, check: Check, status: Status, line: RegExp]

/** Each case is found by its check, and the configuration takes the line. */
export function findsEach(t: Test, cases: readonly Case[]): void {
  for (const [title, facts, check, status, line] of cases) {
    t.test(`${check} finds ${title}`, async t => {
      const finding = judgeRoute(facts).find(one => one.check === check)
      t.equal(finding?.status, status, finding?.reason ?? 'nothing')
      t.match(finding?.remedy?.line, line)
      if (finding?.remedy !== undefined)
        t.strictSame(problemsOf(finding.remedy), [], 'the configuration takes the line')
    })
  }
}
