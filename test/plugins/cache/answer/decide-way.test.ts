import t from 'tap'
import { decideWay } from '../../../../plugins/cache/answer/decide-way.ts'
import { readRequestFacts } from '../../../../plugins/cache/rules/request-facts.ts'
import { type Line, request } from '../rules/support.ts'

/** The way and its reason, `look` for what is looked up. */
function wayOf(method: string, lines: readonly Line[] = [], hasBody = false): string {
  const asked = request(lines, { method })
  const { way, reason } = decideWay({ request: asked, facts: readRequestFacts(asked.headers), hasBody })
  return way === null ? 'look' : `${way} ${reason}`
}

const date: Line = ['If-Unmodified-Since', 'Mon, 02 Nov 2026 10:00:00 GMT']

t.test('what is looked up is a GET or a HEAD that a cache can answer', async t => {
  t.equal(wayOf('GET'), 'look')
  t.equal(wayOf('HEAD'), 'look')
  t.equal(wayOf('GET', [['If-None-Match', '"a"']]), 'look')
  t.equal(wayOf('GET', [['If-Modified-Since', 0]]), 'look')
  t.equal(wayOf('GET', [['Range', 'bytes=0-1']]), 'look')
  t.equal(wayOf('GET', [['Authorization', 'Basic x']]), 'look')
  t.equal(wayOf('GET', [['Cache-Control', 'no-store']]), 'look')
})

t.test('every method that is not known to be safe may change something', async t => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'MKCOL', 'MOVE', 'LOCK', 'PURGE', 'get', 'NEW']) {
    t.equal(wayOf(method), 'unsafe unsafe', method)
  }
})

t.test('safe methods other than GET and HEAD pass', async t => {
  for (const method of ['OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY', 'TRACE']) {
    t.equal(wayOf(method), 'through method', method)
    t.equal(wayOf(method, [], true), 'through method', method)
  }
})

t.test('what may be another method or address in truth is treated as unsafe', async t => {
  for (const name of [
    'X-HTTP-Method-Override',
    'X-Method-Override',
    'x-http-method',
    'X-Original-URL',
    'X-Rewrite-Url',
  ]) {
    t.equal(wayOf('GET', [[name, 'x']]), 'unsafe override', name)
    t.equal(wayOf('OPTIONS', [[name, 'x']]), 'unsafe override', name)
  }
  t.equal(wayOf('PUT', [['X-HTTP-Method-Override', 'GET']]), 'unsafe unsafe')
})

t.test('what only the origin can answer passes', async t => {
  t.equal(wayOf('GET', [], true), 'through request-body')
  t.equal(wayOf('GET', [['If-Match', '"a"']]), 'through if-match')
  t.equal(wayOf('GET', [['If-Match', '*']]), 'through if-match')
  t.equal(wayOf('HEAD', [date]), 'through if-unmodified-since')
  t.equal(wayOf('GET', [date, ['If-Match', '"a"']]), 'through if-match')
})

t.test('who asks for an event stream waits for nobody', async t => {
  t.equal(wayOf('GET', [['Accept', 'text/event-stream']]), 'through event-stream')
  t.equal(wayOf('GET', [['accept', 'text/event-stream, */*']]), 'through event-stream')
  t.equal(wayOf('GET', [['Accept', '*/*']]), 'look')
})
