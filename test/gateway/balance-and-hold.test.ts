/** Clients that stay with their origin, and upgrades that wait for one that restarts, through the whole gateway. */
import t from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { exchange, RawClient } from '../support/raw-client.ts'
import { answer, rawOrigin, type Script } from '../support/raw-origin.ts'
import { originFor } from './support.ts'

const named =
  (name: string): Script =>
  (_request, socket) =>
    socket.write(answer(200, { 'Cache-Control': 'no-store' }, name))

t.test('hash_cookie keeps a visitor with an origin, and moves only those whose origin is gone', async t => {
  const [a, b] = [await originFor(t, named('a')), await originFor(t, named('b'))]
  const { port } = await startGateway(
    t,
    `${base}trusted_proxies: [127.0.0.1]
routes:
  - { name: app, upstream: ["${a.url}", "${b.url}"], balance: hash_cookie, balance_cookie: sid, health: { eject_time: 60s } }
`,
  )
  const ask = async (...fields: string[]) => {
    const lines = fields.map(field => `${field}\r\n`).join('')
    return (await exchange(port, `GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`)).body.toString()
  }
  const homes = new Map<string, string>()
  for (let i = 0; i < 24; i++)
    homes.set(`Cookie: theme=dark; sid=visitor${i}`, await ask(`Cookie: theme=dark; sid=visitor${i}`))
  const shares = [...homes.values()].filter(name => name === 'a').length
  t.ok(shares > 3 && shares < 21, `${shares} of 24 belong to the first`)
  for (const [cookie, home] of homes) {
    // Another address, another order, a cookie whose name only ends like it.
    const reordered = cookie.replace(/theme=dark; (sid=\w+)/, 'xsid=other; $1; theme=light')
    t.equal(await ask(reordered, `X-Forwarded-For: 203.0.113.${homes.size}`), home, cookie)
  }
  const byAddress = await ask('X-Forwarded-For: 203.0.113.7')
  for (let i = 0; i < 4; i++) t.equal(await ask(`Cookie: theme=${i}`, 'X-Forwarded-For: 203.0.113.7'), byAddress)
  await a.stop()
  for (const cookie of homes.keys()) t.equal(await ask(cookie), 'b', 'nobody is told of it')
})

t.test(
  'an upgrade waits for an app that restarts, up to health.hold, and a client that leaves is not dialled for',
  async t => {
    const switching: Script = (_request, socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    const before = await originFor(t, switching)
    const { port } = await startGateway(
      t,
      `${base}routes:\n  - { name: app, upstream: "${before.url}", health: { hold: 3s } }\n`,
    )
    const upgrade = (path: string) =>
      new RawClient(port).send(
        `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      )
    await before.stop()
    const waiting = ['/one', '/two'].map(upgrade)
    const leaving = upgrade('/left')
    await new Promise(resolve => setTimeout(resolve, 300))
    t.strictSame(
      waiting.map(({ received }) => received.length),
      [0, 0],
    )
    leaving.socket.destroy()
    const after = await rawOrigin(switching, before.port)
    t.teardown(() => after.close())
    for (const client of waiting) t.match(await client.until(text => text.includes('\r\n\r\n')), /^HTTP\/1\.1 101 /)
    t.strictSame(after.requests.map(({ target }) => target).toSorted(), ['/one', '/two'])
    for (const client of waiting) client.socket.destroy()
    await after.stop()
    const began = performance.now()
    const late = await upgrade('/late').until(text => text.includes('\r\n\r\n'), 6_000)
    t.match(late, /^HTTP\/1\.1 50[23] /)
    t.match(late, /retry-after/i)
    t.ok(performance.now() - began > 2_000, 'it has waited for it')
  },
)
