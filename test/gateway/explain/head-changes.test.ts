import t from 'tap'
import type { HeadChanges } from '../../../gateway/explain/index.ts'
import { requestHead } from '../../../plugins/proxy/index.ts'
import { type Ask, ask, servingOf } from './rig.ts'

const serving = servingOf(`
trusted_proxies: [10.0.0.1]
routes:
  - { name: plain, match: { host: plain.test }, upstream: 'http://127.0.0.1:1' }
  - { name: mount, match: { host: plain.test, path: /app }, rewrite_path: /, upstream: 'http://127.0.0.1:1' }
  - name: ruled
    match: { host: ruled.test }
    upstream: http://127.0.0.1:1
    headers:
      host: upstream
      request: { set: { X-Api-Key: hunter2, User-Agent: gateway }, remove: [X-Gone, X-Real-IP] }
      response: { set: { X-Frame-Options: DENY }, remove: [Server] }
`)

function changes(url: string, request: Ask): HeadChanges {
  const { sent } = ask(serving, url, request)
  if (sent === null) throw new Error('refused')
  return sent.request
}

/** Why each removed field went, by its name. */
function reasons(url: string, request: Ask): Record<string, string> {
  return Object.fromEntries(changes(url, request).removed.map(({ name, why }) => [name, why]))
}

t.test('each removed field has its own reason', async t => {
  const headers = [
    ...['Accept: */*', 'Connection: close, X-Hop', 'X-Hop: 1', 'Keep-Alive: timeout=5', 'TE: gzip'],
    ...['Remote-User: root', 'X-Authentik-Username: root', 'X-Original-URL: /admin', 'X_Forwarded_For: 1.1.1.1'],
    ...['X-Forwarded-For: 1.1.1.1', 'Content-Length: 3', 'Expect: 100-continue', 'Via: 1.1 phone'],
  ]
  const why = reasons('http://plain.test/', { method: 'POST', headers, peer: '192.0.2.1' })
  t.match(why, {
    Connection: /^hop-by-hop: belongs/,
    'X-Hop': /named by the Connection field/,
    'Keep-Alive': /^hop-by-hop: belongs/,
    TE: /^hop-by-hop: belongs/,
    'Remote-User': 'says who the user is, and 192.0.2.1 is not in trusted_proxies',
    'X-Authentik-Username': /says who the user is/,
    'X-Original-URL': 'says where the request came from, and 192.0.2.1 is not in trusted_proxies',
    X_Forwarded_For: /may take it for x-forwarded-for/,
    'X-Forwarded-For': 'replaced by what the gateway writes: 192.0.2.1 is not in trusted_proxies',
    'Content-Length': /^framing/,
    Expect: /^answered here/,
    Via: 'kept in what the gateway writes',
  })
  t.equal(Object.keys(why).length, 12)
})

t.test('a field named like a property of every object is an ordinary field', async t => {
  const headers = ['constructor: 1', 'Connection: constructor', 'toString: 2']
  const { kept, removed } = changes('http://plain.test/', { headers })
  t.match(kept, [{ name: 'Host' }, { name: 'toString', value: '2' }])
  t.match(removed, [{ name: 'constructor', why: /named by the Connection field/ }, { name: 'Connection' }])
})

t.test('a trusted proxy may say who the user is and where the request came from', async t => {
  const headers = ['Remote-User: ann', 'X-Original-URL: /x', 'X-Forwarded-For: 203.0.113.9', 'X-Request-Id: abc']
  const { kept, added, removed } = changes('http://plain.test/', { headers, peer: '10.0.0.1' })
  t.match(
    kept.map(({ name }) => name),
    ['Host', 'Remote-User', 'X-Original-URL'],
  )
  const value = (name: string) => added.find(field => field.name === name)?.value
  t.equal(value('X-Forwarded-For'), '203.0.113.9, 10.0.0.1')
  t.equal(value('X-Real-IP'), '203.0.113.9')
  t.equal(value('X-Request-Id'), 'abc')
  t.match(removed, [
    { name: 'X-Forwarded-For', why: 'kept in what the gateway writes' },
    { name: 'X-Request-Id', why: 'kept in what the gateway writes' },
  ])
})

t.test('the rules of the route are named as the reason', async t => {
  const headers = ['User-Agent: x', 'X-Gone: 1', 'Accept: */*']
  const { kept, added, removed } = changes('http://ruled.test/', { headers })
  t.strictSame(kept, [{ name: 'Accept', value: '*/*' }])
  const set = added.filter(({ why }) => why === 'headers.request.set of the route')
  t.strictSame(
    set.map(({ name }) => name),
    ['X-Api-Key', 'User-Agent'],
  )
  t.match(
    added.find(({ name }) => name === 'Host'),
    { value: '127.0.0.1:1', why: 'headers.host of the route' },
  )
  t.strictSame(removed, [
    { name: 'Host', why: 'replaced by headers.host of the route' },
    { name: 'User-Agent', why: 'replaced by headers.request.set of the route' },
    { name: 'X-Gone', why: 'headers.request.remove of the route' },
    { name: 'X-Real-IP', why: 'headers.request.remove of the route; the gateway would have written it' },
  ])
  t.match(ask(serving, 'http://ruled.test/').sent?.answer, {
    set: [{ name: 'X-Frame-Options', value: 'DENY' }],
    remove: ['Server'],
  })
})

t.test('a stripped prefix is told to the origin', async t => {
  const { added } = changes('http://plain.test/app/x', {})
  t.match(
    added.find(({ name }) => name === 'X-Forwarded-Prefix'),
    { value: '/app', why: /does not see/ },
  )
})

t.test('an upgrade keeps its two fields and says so', async t => {
  const headers = ['Connection: keep-alive, Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
  const { kept, added, removed } = changes('http://plain.test/', { headers })
  t.match(
    kept.map(({ name }) => name),
    ['Host', 'Sec-WebSocket-Version', 'Upgrade'],
  )
  t.match(added.at(-1), { name: 'Connection', value: 'Upgrade' })
  t.match(removed, [{ name: 'Connection', why: /hop-by-hop/ }])
})

t.test('kept and added are the head that the proxy makes, whoever asks', async t => {
  const heads = [
    ['Cookie: a=1', 'Accept: */*', 'Cookie: b=2'],
    ['X-Twice: 1', 'X-Twice: 1', 'X-Twice: 2', 'Connection: X-Twice'],
    ['TE: trailers', 'Content-Type: application/grpc', 'Remote-User: x', 'X-Forwarded-Proto: http'],
    ['X-Forwarded-Prefix: /up', 'Forwarded: for=1.2.3.4', 'Forwarded: for=5.6.7.8', 'Trailer: X-Sum'],
  ]
  for (const headers of heads) {
    for (const peer of ['127.0.0.1', '10.0.0.1']) {
      const { kept, added } = changes('http://plain.test/app', { headers, peer })
      const lines = ['Host: plain.test', ...headers].flatMap(line => line.split(': ', 2))
      const { client } = ask(serving, 'http://plain.test/app', { headers, peer })
      const made = requestHead(lines, {
        client,
        host: 'plain.test',
        httpVersion: '1.1',
        requestId: '(a new one for each request)',
        strippedPrefix: '/app',
        rules: { set: {}, remove: [] },
      })
      const shown = [...kept, ...added].map(({ name, value }) => `${name}: ${/cookie/i.test(name) ? '***' : value}`)
      const expected = made.flatMap((name, i) =>
        i % 2 === 0 ? [`${name}: ${/cookie/i.test(name) ? '***' : made[i + 1]}`] : [],
      )
      t.strictSame(shown.sort(), expected.sort(), `${headers.join(', ')} from ${peer}`)
    }
  }
})
