/** The cases on answers that are for one person: nobody else gets them, stored or on their way (RFC 9111 §3.5, §4.1, §5.2.2). */
import { gunzipSync, gzipSync } from 'node:zlib'
import {
  askInTurn,
  describe,
  fieldValue,
  get,
  minute,
  mustBeFor,
  mustShare,
  serve,
  serveTexts,
  untilHit,
  withCookies,
} from './cache-origin.ts'
import { sleep, type Timed } from './clients.ts'
import { type CaseFunction, type CaseRun, must } from './types.ts'

/** Two persons ask for an answer with the lines; none of them may ever see the other's. */
function personal(...lines: string[]): CaseFunction {
  return async run => {
    const persons = withCookies(run)
    await mustShare(run, `/shared-${run.id}`, persons)
    serveTexts(run, `/own-${run.id}`, lines)
    await askInTurn(run, `/own-${run.id}`, persons)
  }
}

/** Its body is for all; the Set-Cookie is not. */
const privateField: CaseFunction = async run => {
  const { anna, ben } = withCookies(run)
  await mustShare(run, `/shared-${run.id}`, { anna, ben })
  serve(run, `/own-${run.id}`, (message, count) => ({
    lines: ['Cache-Control: private="set-cookie", max-age=60', `Set-Cookie: got=${message.one('cookie')}; Path=/`],
    body: `<n=${count}>`,
  }))
  for (const line of [anna, ben, anna, ben]) {
    const got = await get(run, `/own-${run.id}`, { lines: [line] })
    const cookie = got.headers['set-cookie']
    must(got.status === 200, `answered ${got.status}`)
    must(cookie === undefined || cookie.includes(fieldValue(line)), `"${line}" got Set-Cookie: ${cookie}`)
  }
}

/** An answer to somebody with credentials; then a stranger, whose own answer is kept. */
const authorization: CaseFunction = async run => {
  const target = `/own-${run.id}`
  const line = `Authorization: Bearer anna-${run.id}`
  serveTexts(run, target, [minute])
  for (let round = 0; round < 2; round++) {
    mustBeFor(line, await get(run, target, { lines: [line] }))
    const stranger = round === 0 ? await get(run, target) : await untilHit(run, target)
    must(stranger.status === 200, `a GET without credentials was answered ${stranger.status}`)
    must(!stranger.text.includes('anna'), `a GET without credentials got ${stranger.text}`)
  }
}

const authorizationSecond: CaseFunction = async run => {
  const target = `/own-${run.id}`
  serveTexts(run, target, [minute])
  const persons = { anna: `Authorization: Bearer anna-${run.id}`, ben: `Authorization: Bearer ben-${run.id}` }
  await askInTurn(run, target, persons)
  await untilHit(run, target)
  await askInTurn(run, target, persons)
}

/** Variants by a field that names nobody are kept, each for its own value. */
const varyOrigin: CaseFunction = async run => {
  const target = `/own-${run.id}`
  serveTexts(run, target, [minute, 'Vary: Origin'])
  const persons = { anna: `Origin: https://anna-${run.id}.test`, ben: `Origin: https://ben-${run.id}.test` }
  await askInTurn(run, target, persons)
  for (const line of [persons.anna, persons.ben]) mustBeFor(line, await untilHit(run, target, { lines: [line] }))
  const without = await get(run, target)
  must(without.text.includes('<who=-|-|->'), `a GET without Origin got ${without.text}`)
}

/** A gzip variant is kept; who did not ask for gzip gets none, whether the origin says Vary or forgets it. */
const varyEncoding: CaseFunction = async run => {
  for (const vary of [['Vary: Accept-Encoding'], []]) {
    const target = `/e${vary.length}-${run.id}`
    serve(run, target, (message, count) => {
      const isGzip = message.all('accept-encoding').join().includes('gzip')
      const text = describe(message, count)
      return isGzip
        ? { lines: [minute, ...vary, 'Content-Encoding: gzip'], body: gzipSync(text) }
        : { lines: [minute, ...vary], body: text }
    })
    const asked = { lines: ['Accept-Encoding: gzip'] }
    await get(run, target, asked)
    const stored = await untilHit(run, target, asked)
    must(isReadable(stored, true), 'the stored variant is not the gzip one')
    for (let round = 0; round < 2; round++) {
      const plain = await get(run, target)
      must(isReadable(plain, false), `the plain client got ${plain.headers['content-encoding'] ?? plain.text}`)
    }
  }
}

function isReadable({ headers, body }: Timed, isGzip: boolean): boolean {
  if ((headers['content-encoding'] === 'gzip') !== isGzip) return false
  return (isGzip ? gunzipSync(body) : body).toString('latin1').startsWith('<n=')
}

const longAgo = 'Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT'

/**
 * A page without any directive, at an address that looks like an asset: bare, with a date that invites to guess, and
 * with a date that is the same for everybody and that the origin confirms to everybody.
 */
function unmarked(path: (token: string) => string): CaseFunction {
  return async run => {
    const persons = withCookies(run)
    await mustShare(run, path(`shared-${run.id}`), persons)
    const statuses = new Set<number>()
    for (const [i, lines] of [['Content-Type: text/css'], [longAgo, 'Content-Type: text/html'], [longAgo]].entries()) {
      const target = path(`own${i}-${run.id}`)
      serve(run, `own${i}-${run.id}`, (message, count) =>
        message.one('if-modified-since') === undefined
          ? { lines, body: describe(message, count) }
          : { status: 304, lines },
      )
      await askInTurn(run, target, persons)
      statuses.add((await get(run, target)).status)
    }
    return `answered ${[...statuses].join()}`
  }
}

/**
 * The gateway refuses a slash that hides dots, before anything is looked up; then a slash that hides nothing shows that
 * the extension behind it makes no asset of a page.
 */
const deceptionSlash: CaseFunction = async run => {
  const path = (token: string) => `/static/..%2faccount/k-${token}.css`
  const first = await get(run, path(`first-${run.id}`))
  if (first.status !== 400) return unmarked(path)(run)
  must(run.lab.a.seen(run.id).length === 0, 'answered 400, and yet it went upstream')
  return `refused with 400; without dots ${await unmarked(token => `/static/a%2faccount/k-${token}.css`)(run)}`
}

/** Thirty at once: an answer for all is fetched for all together, private ones for each. */
const coalescePrivate: CaseFunction = async run => {
  const shared = await thirtyAtOnce(run, `/shared-${run.id}`, 'Cache-Control: public, max-age=60')
  must(shared.upstream <= 3, `the public answer was fetched ${shared.upstream} times: nothing is coalesced`)
  const own = await thirtyAtOnce(run, `/own-${run.id}`, 'Cache-Control: private, max-age=60')
  for (const { line, got } of own.answers) mustBeFor(line, got)
  must(own.upstream >= 30, `${own.upstream} requests upstream`)
  return `${Math.round(Math.max(...own.answers.map(({ got }) => got.ms)))} ms`
}

async function thirtyAtOnce(run: CaseRun, target: string, control: string) {
  serve(run, target, async (message, count) => {
    await sleep(400)
    return { lines: [control], body: describe(message, count) }
  })
  const lines = Array.from({ length: 30 }, (_, i) => `Cookie: sid=${i}-${run.id}`)
  const answers = await Promise.all(lines.map(async line => ({ line, got: await get(run, target, { lines: [line] }) })))
  for (const { got } of answers) must(got.status === 200, `one of thirty was answered ${got.status}`)
  return { answers, upstream: run.lab.a.seen(target).length }
}

export const cacheOfPersons: Readonly<Record<string, CaseFunction>> = {
  'cc-no-store': personal('Cache-Control: no-store'),
  'cc-no-store-after-max-age': personal('Cache-Control: max-age=60, no-store'),
  'cc-s-maxage-0': personal('Cache-Control: s-maxage=0, max-age=60'),
  'cc-no-cache': personal('Cache-Control: no-cache, max-age=60'),
  'cc-private-with-field': privateField,
  'cc-private-empty-value': personal('Cache-Control: private="", max-age=60'),
  'cc-private-twice': personal('Cache-Control: private, private="x", max-age=60'),
  authorization,
  'authorization-second': authorizationSecond,
  'vary-cookie': personal(minute, 'Vary: Cookie'),
  'vary-origin': varyOrigin,
  'vary-two-lines': personal(minute, 'Vary: Accept-Encoding', 'Vary: Cookie'),
  'vary-encoding': varyEncoding,
  'no-directive': unmarked(token => `/account/k.css?${token}`),
  'deception-suffix': unmarked(token => `/account/k-${token}/none.css`),
  'deception-encoded-slash': deceptionSlash,
  'coalesce-private': coalescePrivate,
}
