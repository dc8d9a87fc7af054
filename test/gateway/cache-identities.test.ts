/**
 * Nobody gets what was made for somebody else, stored or on its way (demands E1 and E2): generated people, marks, request
 * fields and orders of requests against a whole gateway with the cache on.
 */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { exchange, type RawAnswer } from '../support/raw-client.ts'
import { answer, type RawOrigin, rawOrigin } from '../support/raw-origin.ts'
import { MARKS, type Person, type Plan, peopleOrigin, stranger } from './cache-people.ts'
import { play, scenarios } from './cache-scenarios.ts'

/** More with HG_LONG=1. */
const RUNS = process.env['HG_LONG'] === '1' ? 250 : 100

const routes = (url: string) => `${base}
store: memory
routes:
  - { name: plain, match: { host: plain.test }, upstream: "${url}", cache: { enabled: true } }
  - name: bold
    match: { host: bold.test }
    upstream: "${url}"
    cache:
      enabled: true
      vary_cookie: true
      store_post: true
      honour_request: false
      heuristic_freshness: 0.1
      stale_while_revalidate: 30s
      stale_if_error: 30s
  - { name: keyed, match: { host: keyed.test }, upstream: "${url}", cache: { key: { headers: [X-Device] } } }
`

async function open(t: Test, script = peopleOrigin): Promise<{ port: number; origin: RawOrigin }> {
  const origin = await rawOrigin(script)
  t.teardown(() => origin.close())
  const { port } = await startGateway(t, routes(origin.url))
  return { port, origin }
}

t.test('E1: whoever asks in whatever order gets what is theirs, or what is for all', async t => {
  const { port } = await open(t)
  const total = { answers: 0, hits: 0 }
  let run = 0
  const property = fc.asyncProperty(scenarios, async scenario => {
    const played = await play(port, scenario, `r${++run}`)
    total.answers += played.answers
    total.hits += played.hits
  })
  await fc.assert(property, { numRuns: RUNS, interruptAfterTimeLimit: 9_000 })
  t.comment(`${run} scenarios, ${total.answers} answers, ${total.hits} from the store`)
  t.ok(run >= 20, 'enough was tried')
  t.ok(total.hits > total.answers / 50, 'what is for all is stored and shared')
})

/** Every mark, with and without an entity tag, and a cookie now and then. */
function everyPlan(): Plan[] {
  return [true, false].flatMap(hasTag =>
    Array.from({ length: MARKS }, (_, mark) => ({
      mark,
      hasTag,
      setsCookie: mark % 5 === 4,
      isShared: false,
      slowMs: 0,
    })),
  )
}

for (const path of ['/core/preview.png?fileId=', '/photos/holiday.jpg?', '/api/me?']) {
  t.test(`E1: ${path} is as personal as any page, however it is marked`, async t => {
    const { port } = await open(t)
    const means = { hasCookie: !path.startsWith('/api'), hasAuthorization: path.startsWith('/api') }
    const turn: Person[] = [{ letter: 'a', ...means }, { letter: 'b', ...means }, { letter: 'a', ...means }, stranger]
    const ownHits = { 'plain.test': 0, 'bold.test': 0 }
    for (const [i, plan] of everyPlan().entries()) {
      for (const host of ['plain.test', 'bold.test'] as const) {
        const batches = turn.map(who => [{ who, method: 'GET', extras: [], plan }])
        ownHits[host] += (await play(port, { host, path, batches }, `f${i}`)).ownHits
      }
    }
    t.comment(`${MARKS} marks, personal answers from the store: ${JSON.stringify(ownHits)}`)
    if (means.hasCookie) t.ok(ownHits['bold.test'] > 0, 'with vary_cookie a person gets what was stored for them')
    else t.pass('nobody got what is not theirs')
  })
}

/** Asks by a hundred at once, of an origin each of whose answers is another one. */
async function hundreds(t: Test, lines: Record<string, string>) {
  let count = 0
  const { port, origin } = await open(t, (_request, socket) => {
    const number = ++count
    const own = Object.fromEntries(
      Object.entries(lines).map(([name, value]) => [name, value.replace('N', `${number}`)]),
    )
    setTimeout(() => socket.write(answer(200, own, `answer ${number}`)), 50)
  })
  return async (path: string, cookie: (i: number) => string) => {
    const before = origin.requests.length
    const ask = (i: number) => exchange(port, `GET ${path} HTTP/1.1\r\nHost: plain.test\r\n${cookie(i)}\r\n`)
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(i)))
    const distinct = (of: (got: RawAnswer) => string | undefined) => new Set(answers.map(of)).size
    return {
      statuses: [...new Set(answers.map(({ status }) => status))],
      upstream: origin.requests.length - before,
      bodies: distinct(({ body }) => body.toString()),
      cookies: distinct(({ headers }) => headers['set-cookie']),
    }
  }
}

const privates: readonly Record<string, string>[] = [
  { 'Cache-Control': 'private' },
  { 'Cache-Control': 'private, max-age=600' },
  { 'Cache-Control': 'no-store' },
  { 'Cache-Control': 'max-age=600', 'Set-Cookie': 'sid=N' },
  { 'Cache-Control': 'public, max-age=600', 'Set-Cookie': 'sid=N' },
]

for (const lines of privates) {
  const title = JSON.stringify(lines)
  t.test(`E2: 100 at once of ${title} are 100 requests and 100 answers`, async t => {
    const hundred = await hundreds(t, lines)
    for (const path of ['/core/preview.png', '/account', '/a/photo.jpg']) {
      const got = await hundred(path, i => `Cookie: sid=${i}\r\n`)
      t.match(got, { statuses: [200], upstream: 100, bodies: 100 }, path)
      if (lines['Set-Cookie'] !== undefined) t.equal(got.cookies, 100)
    }
    const same = await hundred('/', () => '')
    t.match(same, { statuses: [200], upstream: 100, bodies: 100 }, 'of clients that cannot be told apart')
  })
}

t.test('E2: 100 at once of an answer for all are one request', async t => {
  const hundred = await hundreds(t, { 'Cache-Control': 'max-age=600' })
  const got = await hundred('/', () => '')
  t.match(got, { statuses: [200], upstream: 1, bodies: 1 })
})

t.test('what Connection takes off a request chooses no answer for others', async t => {
  const { port } = await open(t, ({ headers, target }, socket) => {
    const name = target.slice(1)
    const vary: Record<string, string> = name === 'x-device' ? {} : { Vary: name }
    socket.write(answer(200, { 'Cache-Control': 'max-age=600', ...vary }, `for ${headers[name] ?? 'nobody'}`))
  })
  for (const [host, name, value] of [
    ['plain.test', 'accept-language', 'de'],
    ['bold.test', 'cookie', 'sid=a'],
    ['keyed.test', 'x-device', 'phone'],
  ]) {
    const ask = (more: string) =>
      exchange(port, `GET /${name} HTTP/1.1\r\nHost: ${host}\r\n${name}: ${value}\r\n${more}\r\n`)
    for (const nominated of [name, name?.toUpperCase(), `close, ${name}`]) await ask(`Connection: ${nominated}\r\n`)
    t.equal((await ask('')).body.toString(), `for ${value}`, name)
  }
})

/** The same length for everybody, so that nothing but a validator tells one representation from another. */
const page = (letter: string, fields: Record<string, string>) =>
  answer(200, { ...fields, 'X-Shown': letter }, Buffer.alloc(100, letter))

const withoutBody = (bytes: Buffer) => bytes.subarray(0, bytes.indexOf('\r\n\r\n') + 4)

t.test('HEAD by one person, without a validator, gives no field to what others are given', async t => {
  const { port } = await open(t, ({ method }, socket) => {
    if (method === 'GET') socket.write(page('p', { 'Cache-Control': 'public, max-age=600', ETag: '"p"' }))
    else socket.write(withoutBody(page('a', { Expires: 'Thu, 01 Jan 2099 00:00:00 GMT' })))
  })
  const ask = (method: string, more: string) =>
    exchange(port, `${method} / HTTP/1.1\r\nHost: plain.test\r\n${more}\r\n`)
  await ask('GET', '')
  t.match((await ask('GET', '')).headers['cache-status'], 'hearthgate; hit')
  await ask('HEAD', 'Authorization: Bearer a\r\nCache-Control: no-cache\r\n')
  for (let i = 0; i < 2; i++) t.equal((await ask('GET', '')).headers['x-shown'], 'p')
})

t.test('HEAD by one person, without a validator, frees nothing that another has to be asked about', async t => {
  const { port } = await open(t, ({ method, headers }, socket) => {
    const [letter = 'p'] = /[abc]$/.exec(headers['authorization'] ?? '') ?? []
    if (method === 'HEAD') socket.write(withoutBody(page('p', { 'Cache-Control': 'public, max-age=600' })))
    else socket.write(page(letter, { 'Cache-Control': 's-maxage=0, max-age=600', ETag: `"${letter}"` }))
  })
  const ask = (method: string, letter: string) =>
    exchange(port, `${method} / HTTP/1.1\r\nHost: plain.test\r\nAuthorization: Bearer ${letter}\r\n\r\n`)
  for (const [method, letter] of ['GET c', 'GET c', 'HEAD a', 'GET a', 'GET b', 'GET a'].map(text => text.split(' '))) {
    const got = await ask(method as string, letter as string)
    if (method === 'GET') t.equal(got.body.toString(), letter?.repeat(100))
  }
})
