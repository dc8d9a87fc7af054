/**
 * What the cases on the cache share: an origin each of whose answers differs from all others, persons with cookies, and
 * the proof that a plain answer is kept, without which a case would hold for the mere reason that nothing is.
 */
import { type Asked, ask, sleep, type Timed } from './clients.ts'
import type { Message } from './strict-reader.ts'
import { type CaseRun, Miss, must } from './types.ts'

export const HOST = 'cache.test'
export const minute = 'Cache-Control: max-age=60'

/** Status 200 and no lines where nothing is said. */
export interface Answering {
  readonly status?: number
  readonly lines?: readonly string[]
  readonly body?: string | Buffer
}

/** Answers every request whose head has the token; `count` is 1 for the first of them. */
export function serve(
  run: CaseRun,
  token: string,
  answering: (message: Message, count: number) => Answering | Promise<Answering>,
): void {
  let count = 0
  run.lab.a.scripts.set(token, async arrival => {
    const number = ++count
    await arrival.message.complete.promise
    arrival.end(answerBytes(arrival.message.method, await answering(arrival.message, number)))
  })
}

/** HEAD and 304 have no content, and a 304 speaks of no length either (RFC 9110 §15.4.5). */
export function answerBytes(method: string, { status = 200, lines = [], body = '' }: Answering): Buffer {
  const bytes = Buffer.from(body as string, 'latin1')
  const length = status === 304 ? [] : [`Content-Length: ${bytes.length}`]
  const head = Buffer.from([`HTTP/1.1 ${status} Status`, ...lines, ...length, '', ''].join('\r\n'), 'latin1')
  return method === 'HEAD' || status === 304 ? head : Buffer.concat([head, bytes])
}

/** A text that names the number of the answer, who asked, how and for what; no two are the same. */
export function describe(message: Message, count: number): string {
  const who = ['cookie', 'authorization', 'origin'].map(name => message.one(name) ?? '-').join('|')
  return `<n=${count}> <who=${who}> <${message.method} ${message.one('host')}${message.target}>`
}

/** Serves such texts with the lines. */
export function serveTexts(run: CaseRun, token: string, lines: readonly string[]): void {
  serve(run, token, (message, count) => ({ lines, body: describe(message, count) }))
}

/** Asks on the host with the cache. */
export function get(run: CaseRun, target: string, asked: Asked = {}): Promise<Timed> {
  return ask(run, target, { host: HOST, ...asked })
}

/** Answered from the store without the origin (RFC 9211 §2.1). */
export function isHit({ headers }: Pick<Timed, 'headers'>): boolean {
  const members = (headers['cache-status'] ?? '').split(/[,\n]/)
  return members.some(member => /^ *hearthgate *; *hit *(;|$)/.test(member))
}

/** Asks until the answer comes from the store, which it must within 2 s; that answer. */
export async function untilHit(run: CaseRun, target: string, asked: Asked = {}): Promise<Timed> {
  const deadline = performance.now() + 2_000
  for (;;) {
    const got = await get(run, target, asked)
    if (isHit(got)) return got
    const seen = `${got.status}, Cache-Status ${got.headers['cache-status'] ?? 'absent'}`
    if (performance.now() > deadline) throw new Miss(`never stored: ${asked.method ?? 'GET'} ${target} got ${seen}`)
    await sleep(20)
  }
}

/** The lines that Anna and Ben send; what is named after one of them is for nobody else. */
export interface Persons {
  readonly anna: string
  readonly ben: string
}

export const withCookies = (run: CaseRun): Persons => ({
  anna: `Cookie: sid=anna-${run.id}`,
  ben: `Cookie: sid=ben-${run.id}`,
})

export const fieldValue = (line: string) => line.slice(line.indexOf(':') + 2)

/** The answer was made for the request with this line. */
export function mustBeFor(line: string, got: Timed): void {
  must(got.status === 200, `answered ${got.status}`)
  const value = fieldValue(line)
  must(got.text.includes(value), `the request with "${line}" got ${got.text.slice(0, 200) || 'nothing'}`)
}

/** Each asks three times, in turn, and must get what was made for it. */
export async function askInTurn(run: CaseRun, target: string, { anna, ben }: Persons): Promise<void> {
  for (let round = 0; round < 3; round++) {
    for (const line of [anna, ben]) mustBeFor(line, await get(run, target, { lines: [line] }))
  }
}

/** The same requests of both, for an address of the same shape whose answer is for all: it is kept and shared. */
export async function mustShare(run: CaseRun, target: string, { anna, ben }: Persons): Promise<void> {
  serveTexts(run, target, ['Cache-Control: public, max-age=60', 'Content-Type: text/css'])
  const first = await get(run, target, { lines: [anna] })
  const second = await untilHit(run, target, { lines: [ben] })
  must(first.status === 200 && second.status === 200, `a public answer came with ${first.status} and ${second.status}`)
}
