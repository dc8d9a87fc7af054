/** A proxy in front that speaks Forwarded (RFC 7239) alone is believed like one that writes X-Forwarded-*. */
import t, { type Test } from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { get, originFor, route } from './support.ts'

const FORWARDED = 'Forwarded: for=203.0.113.9;proto=https;host=wiki.example, for=10.1.2.3\r\n'
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGVzdA==\r\n'

async function behind(t: Test, trusted: string) {
  const origin = await originFor(t, (_, socket) => socket.write(answer(200, {}, 'ok')))
  const defaults = 'defaults: { hsts: true }\n'
  const yaml = `${base}trusted_proxies: [${trusted}]\n${defaults}routes:\n${route('app', '/', origin.url)}`
  const { port } = await startGateway(t, yaml)
  return { port, seen: () => origin.requests.at(-1)?.headers ?? {} }
}

t.test('address, scheme and host of the client, on requests and on upgrades', async t => {
  const { port, seen } = await behind(t, '127.0.0.1, 10.0.0.0/8')
  for (const more of ['', UPGRADE]) {
    const { headers } = await exchange(port, get('/', FORWARDED + more))
    t.match(seen(), {
      'x-real-ip': '203.0.113.9',
      'x-forwarded-for': '203.0.113.9, 10.1.2.3, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'wiki.example',
      'x-forwarded-port': '443',
      forwarded: `${FORWARDED.slice(11, -2)}, for=127.0.0.1;host=wiki.example;proto=https`,
    })
    if (more === '') t.match(headers['strict-transport-security'], /max-age/, 'the client came by https')
  }
})

t.test('a stranger is not', async t => {
  const { port, seen } = await behind(t, '10.0.0.0/8')
  await exchange(port, get('/', FORWARDED))
  t.match(seen(), { 'x-real-ip': '127.0.0.1', 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' })
  t.equal(seen()['forwarded'], 'for=127.0.0.1;host=a;proto=http')
})
