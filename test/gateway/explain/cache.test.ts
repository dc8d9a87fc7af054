/**
 * What explain says of the cache: in step with the rules of the cache, in words, with the section.
 */
import t from 'tap'
import { storeWords } from '../../../gateway/explain/cache-words.ts'
import type { CacheDecision } from '../../../gateway/explain/index.ts'
import { type Ask, ask, servingOf } from './rig.ts'

const serving = servingOf(`
trusted_proxies: [10.0.0.1]
routes:
  - { name: plain, match: { host: plain.test }, upstream: 'http://127.0.0.1:1' }
  - { name: off, match: { host: off.test }, upstream: 'http://127.0.0.1:1', cache: false }
  - name: keyed
    match: { host: [keyed.test, other.test], path: /app }
    rewrite_path: /
    headers: { host: inner.test }
    upstream: http://127.0.0.1:1
    cache: { key: { headers: [X-Device], cookies: [lang], ignore_query: [utm_*], host: false } }
  - name: generous
    match: { host: generous.test }
    upstream: http://127.0.0.1:1
    cache: { vary_cookie: true, store_post: false, store_partial: false, honour_request: false, stale_if_error: 1d, heuristic_freshness: 12.5% }
`)

function cacheOf(url: string, request: Ask = {}): CacheDecision {
  const { decisions } = ask(serving, url, request)
  if (decisions === null) throw new Error('refused')
  return decisions.cache
}

const notesOf = (url: string, headers: string[]) => cacheOf(url, { headers }).notes.map(({ reason }) => reason)
const unlessOf = (url: string, request?: Ask) => cacheOf(url, request).store?.unless.map(({ reason }) => reason)

t.test('a cache that is off decides nothing', async t => {
  t.strictSame(cacheOf('http://off.test/'), {
    state: 'off',
    lookup: null,
    key: [],
    store: null,
    notes: [],
    settings: [],
  })
})

t.test('whether the store is asked, and whether an answer may be kept, as far as the request says', async t => {
  const cases: [Ask, lookup: string, store: string | null][] = [
    [{}, 'absent', null],
    [{ method: 'HEAD' }, 'absent', 'method'],
    [{ method: 'POST' }, 'unsafe', 'unsafe'],
    [{ method: 'PROPFIND' }, 'method', 'method'],
    [{ headers: ['Content-Length: 3'] }, 'request-body', 'request-body'],
    [{ headers: ['Content-Length: 0'] }, 'absent', null],
    [{ headers: ['Transfer-Encoding: chunked'] }, 'request-body', 'request-body'],
    [{ headers: ['Cache-Control: no-store'] }, 'absent', 'request-no-store'],
    [{ headers: ['X-HTTP-Method-Override: DELETE'] }, 'override', 'override'],
    [{ headers: ['If-Match: "1"'] }, 'if-match', 'if-match'],
    [{ headers: ['If-Unmodified-Since: Tue, 01 Jan 2030 00:00:00 GMT'] }, 'if-unmodified-since', 'if-unmodified-since'],
    [{ headers: ['Authorization: Bearer x'] }, 'absent', null],
    [{ headers: ['Range: bytes=0-9'] }, 'absent', null],
    [{ headers: ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'] }, 'upgrade', 'upgrade'],
  ]
  for (const [request, lookup, store] of cases) {
    const decision = cacheOf('http://plain.test/a', request)
    const title = JSON.stringify(request)
    t.match(decision.lookup, { happens: lookup === 'absent', reason: lookup, text: /\w/, source: /\w/ }, title)
    t.match(decision.store, { possible: store === null, reason: store === null ? null : { reason: store } }, title)
    t.equal(decision.key.length > 0, lookup === 'absent', title)
  }
})

t.test('what an answer must not be depends on the request and on the settings', async t => {
  const plain = unlessOf('http://plain.test/a')
  for (const reason of ['nothing-to-reuse', 'private', 'no-store', 'set-cookie', 'vary-star', 'vary-cookie', 'status'])
    t.ok(plain?.includes(reason), reason)
  for (const reason of ['authorization', 'cookie-unmarked', 'html-behind-asset', 'partial', 'request-no-store'])
    t.notOk(plain?.includes(reason), reason)
  t.ok(unlessOf('http://plain.test/a.js')?.includes('html-behind-asset'))
  t.ok(unlessOf('http://plain.test/a', { headers: ['Cookie: a=1'] })?.includes('cookie-unmarked'))
  const authorized = unlessOf('http://plain.test/a', { headers: ['Authorization: x'] })
  t.ok(authorized?.includes('authorization') && authorized.includes('nothing-to-reuse'))
  const generous = unlessOf('http://generous.test/a')
  t.notOk(generous?.includes('vary-cookie'))
  t.notOk(generous?.includes('nothing-to-reuse'), 'stale_if_error makes every answer useful')
  t.ok(generous?.includes('partial'))
})

t.test('the key is shown by its parts, as it goes to the origin', async t => {
  const { key } = cacheOf('https://KEYED.test:8443/app/x%2Fy?utm_source=a&b=1', {
    headers: ['X-Device: tv', 'Cookie: a=1; lang=de'],
  })
  t.strictSame(key, [
    { name: 'route', value: 'keyed' },
    { name: 'host at the origin', value: 'inner.test' },
    { name: 'scheme', value: 'https' },
    { name: 'host', value: '* (key.host: false)' },
    { name: 'target', value: '/x%2Fy?b=1' },
    { name: 'field x-device', value: 'tv' },
    { name: 'cookie lang', value: '***' },
  ])
  t.strictSame(cacheOf('http://Plain.test:81/a?b').key, [
    { name: 'route', value: 'plain' },
    { name: 'scheme', value: 'http' },
    { name: 'host', value: 'plain.test:81' },
    { name: 'target', value: '/a?b' },
  ])
  const trusted = { peer: '10.0.0.1', headers: ['X-Forwarded-Proto: https'] }
  t.match(cacheOf('http://plain.test/', trusted).key[1], { name: 'scheme', value: 'https' })
})

t.test('parameters that are no part of the key do not go to the origin, where the answer may be kept', async t => {
  const url = 'http://keyed.test/app/x?utm_source=a&b=1'
  const targetOf = (request: Ask) => ask(serving, url, request).sent?.target
  t.equal(targetOf({}), '/x?b=1')
  t.equal(targetOf({ method: 'HEAD' }), '/x?utm_source=a&b=1')
  t.equal(targetOf({ method: 'POST' }), '/x?utm_source=a&b=1')
  t.equal(targetOf({ headers: ['If-Match: "1"'] }), '/x?utm_source=a&b=1')
})

t.test('what of a request changes the use of a stored answer is noted', async t => {
  t.strictSame(notesOf('http://plain.test/', []), ['vary'])
  const wishes = ['Cache-Control: no-cache, max-age=3, min-fresh=1, max-stale, only-if-cached']
  t.strictSame(notesOf('http://plain.test/', wishes), [
    ...['no-cache', 'max-age', 'min-fresh', 'max-stale', 'only-if-cached', 'vary'],
  ])
  t.strictSame(notesOf('http://generous.test/', wishes), ['ignored', 'only-if-cached', 'vary'])
  t.strictSame(notesOf('http://plain.test/', ['If-None-Match: "1"', 'Range: bytes=0-1', 'X-Api-Key: 1']), [
    ...['authorization', 'conditional', 'range', 'vary'],
  ])
  t.match(cacheOf('http://plain.test/', { method: 'DELETE' }).notes, [{ reason: 'unsafe', source: 'RFC 9111 §4.4' }])
  t.strictSame(cacheOf('http://plain.test/', { method: 'PROPFIND' }).notes, [])
})

t.test('settings are shown as they are written, with what was changed', async t => {
  const { settings } = cacheOf('http://generous.test/')
  const changed = settings.filter(({ isDefault }) => !isDefault).map(({ name, value }) => `${name} ${value}`)
  t.strictSame(changed, [
    'heuristic_freshness 12.5%',
    'stale_if_error 1d',
    'vary_cookie true',
    'store_post false',
    'store_partial false',
    'honour_request false',
  ])
  t.match(
    settings.find(({ name }) => name === 'max_object_size'),
    { value: '8MiB', isDefault: true },
  )
  t.ok(cacheOf('http://plain.test/').settings.every(({ isDefault }) => isDefault))
})

t.test('every sentence names its source', async t => {
  for (const [reason, { text, source }] of Object.entries(storeWords)) {
    t.ok(text.length > 8 && !text.endsWith('.'), reason)
    t.match(source, /^(RFC \d{4} §|cache\.|a rule of this gateway$)/, reason)
  }
})
