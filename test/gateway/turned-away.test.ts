/** What the listeners refuse before any route is looked for: told like every other refusal, and counted. */
import t from 'tap'
import { gatewayProcess } from '../support/gateway-process.ts'
import { exchange } from '../support/raw-client.ts'
import { eventually } from './support.ts'

const config = `listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
log: { access: json }
routes: [{ name: demo, match: { path: / }, upstream: "builtin:demo" }]
`

t.test('a refused head gets the page, the id and the line of every other refusal', async t => {
  const gateway = await gatewayProcess(t, config)
  const { port } = gateway
  const noHost = await exchange(port, 'GET /a HTTP/1.1\r\nAccept: text/html\r\n\r\n')
  t.equal(noHost.status, 400)
  t.match(noHost.headers, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'proxy-status': 'hearthgate; error=http_request_error',
    connection: 'close',
  })
  t.match(noHost.body.toString(), `request ${noHost.headers['x-request-id']}`)

  const many = await exchange(port, `GET /b?token=abc HTTP/1.1\r\nHost: a\r\n${'A: b\r\n'.repeat(300)}\r\n`)
  t.equal(many.status, 431)
  const id = many.headers['x-request-id']
  t.match(JSON.parse(many.body.toString()), {
    statusCode: 431,
    code: 'HG_BAD_REQUEST',
    message: 'too many header lines',
    requestId: id,
  })
  const junk = await exchange(port, '\x16\x03\x01 hello\r\n\r\n')
  t.equal(junk.status, 400)
  t.equal(junk.body.length, 0, 'what is no request is told no more than that')

  await eventually(() => gateway.log().includes(String(id)))
  const lines = gateway
    .log()
    .split('\n')
    .filter(line => line.includes(String(id)))
  t.equal(lines.length, 1)
  const line = JSON.parse(lines[0] ?? '{}') as Record<string, unknown>
  t.match(line, { method: 'GET', host: 'a', client: '127.0.0.1', status: 431, outcome: 'refused:head', attempts: 0 })
  t.notMatch(String(line['path']), /abc/, 'redacted like every address')

  const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
  t.match(metrics, 'hearthgate_listener_turned_away_total{reason="refused-head"} 2\n')
  t.match(metrics, 'hearthgate_listener_turned_away_total{reason="malformed"} 1\n')
  t.match(metrics, 'hearthgate_request_outcomes_total{route="none",reason="refused:head"} 2\n')
})
