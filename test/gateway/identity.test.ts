/**
 * Who somebody is cannot be said by a client (demands G4): whatever it sends under the names of identity fields, in any
 * spelling, over HTTP/1.1, HTTP/2 and in upgrades, never reaches an app, and what the gateway says itself always does.
 */
import { scryptSync } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:http2'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { pem } from './listeners/support.ts'
import { originFor } from './support.ts'

const { cert, key } = pem('localhost')
const FORGED = 'forged-by-a-client'

/** Cheap to check, so that the machine's load decides nothing. */
const hash = scryptSync('x', 'salt-salt', 32, { N: 1024 }).toString('base64').replace(/=+$/, '')
const PHC = `$scrypt$ln=10,r=8,p=1$${Buffer.from('salt-salt').toString('base64')}$${hash}`
const JOE = `Basic ${Buffer.from('joe:x').toString('base64')}`

const names = [
  ...['remote-user', 'remote-groups', 'remote-email', 'remote-name', 'x-remote-user', 'x-webauth-user'],
  ...['x-forwarded-user', 'x-forwarded-email', 'x-forwarded-groups', 'x-forwarded-access-token', 'x-webauth-role'],
  ...['x-auth-request-user', 'x-authentik-username', 'x-authelia-user', 'cf-access-authenticated-user-email'],
  ...['tailscale-user-login', 'x-ssl-client-verify', 'x-pomerium-jwt-assertion', 'x-ms-client-principal-name'],
  // Of this route's own configuration.
  'x-house-member',
]

/** Any letter in any case, and what servers map to a dash. */
const spelling = (isLower: boolean) =>
  fc
    .constantFrom(...names)
    .chain(name =>
      fc
        .tuple(
          ...[...name].map(char =>
            char === '-' ? fc.constantFrom('-', '_') : fc.constantFrom(char, isLower ? char : char.toUpperCase()),
          ),
        )
        .map(chars => chars.join('')),
    )

const forgery = (isLower: boolean) =>
  fc.record({
    fields: fc.uniqueArray(spelling(isLower), { minLength: 1, maxLength: 6 }),
    isTwice: fc.boolean(),
    isNominated: fc.boolean(),
    isIn: fc.boolean(),
    path: fc.constantFrom('/', '/open/x', '/open'),
  })

async function behind(t: Test) {
  const origin = await originFor(t, (request, socket) =>
    socket.write(
      request.headers['upgrade'] === undefined
        ? answer(200, {}, 'inside')
        : 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ),
  )
  const { ports } = await startGateway(
    t,
    `
listen: [{ host: 127.0.0.1, port: 0 }, { host: 127.0.0.1, port: 0, tls: { cert: ${cert}, key: ${key} } }]
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }
routes:
  - name: app
    upstream: "${origin.url}"
    cache: false
    access: { basic: { users: { joe: "${PHC}" }, user_header: X-House-Member }, bypass: [/open], logins: { attempts: 1000000 } }
`,
  )
  return { origin, ports }
}

/** What the app was told: no word of the client's, and the gateway's own exactly where somebody has signed in. */
function isHonest(lines: readonly string[], { isIn, path }: { isIn: boolean; path: string }): boolean {
  const member = lines.filter(line => /^x[-_]house[-_]member:/i.test(line))
  const isTold = path === '/' && isIn
  return (
    !lines.some(line => line.includes(FORGED)) &&
    member.length === (isTold ? 1 : 0) &&
    (!isTold || member[0] === 'X-House-Member: joe')
  )
}

t.test('over HTTP/1.1, and in upgrades', async t => {
  const { origin, ports } = await behind(t)
  const holds = fc.asyncProperty(forgery(false), fc.boolean(), async (sent, isUpgrade) => {
    const { fields, isTwice, isNominated, isIn, path } = sent
    const before = origin.requests.length
    const lines = fields.flatMap(name => Array.from({ length: isTwice ? 2 : 1 }, () => `${name}: ${FORGED}`))
    const tokens = [...(isUpgrade ? ['Upgrade'] : ['close']), ...(isNominated ? fields : [])]
    const head = [
      `GET ${path} HTTP/1.1`,
      'Host: home.test',
      ...lines,
      `Connection: ${tokens.join(', ')}`,
      ...(isUpgrade ? ['Upgrade: websocket'] : []),
      ...(isIn ? [`Authorization: ${JOE}`] : []),
    ]
    const { status } = await exchange(ports[0] as number, `${head.join('\r\n')}\r\n\r\n`)
    if (path === '/' && !isIn) return status === 401 && origin.requests.length === before
    const seen = origin.requests.at(-1)?.lines ?? []
    return status === (isUpgrade ? 101 : 200) && origin.requests.length === before + 1 && isHonest(seen, sent)
  })
  await fc.assert(holds, { numRuns: 120 })
  t.ok(origin.requests.length > 20)
})

t.test('over HTTP/2', async t => {
  const { origin, ports } = await behind(t)
  const session = connect(`https://127.0.0.1:${ports[1]}`, { rejectUnauthorized: false })
  t.teardown(() => session.destroy())
  const holds = fc.asyncProperty(forgery(true), async sent => {
    const { fields, isTwice, isIn, path } = sent
    const before = origin.requests.length
    const forged = Object.fromEntries(fields.map(name => [name, isTwice ? [FORGED, FORGED] : FORGED]))
    const stream = session.request({ ':path': path, ...forged, ...(isIn ? { authorization: JOE } : {}) })
    const [head] = await once(stream, 'response')
    await once(stream.resume(), 'close')
    if (path === '/' && !isIn) return head[':status'] === 401 && origin.requests.length === before
    const seen = origin.requests.at(-1)?.lines ?? []
    return head[':status'] === 200 && origin.requests.length === before + 1 && isHonest(seen, sent)
  })
  await fc.assert(holds, { numRuns: 120 })
  t.ok(origin.requests.length > 20)
})
