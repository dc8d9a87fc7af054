/** Guesses at passwords are counted over all workers: two of them are not twice as many tries, and a new one is no new try. */
import t, { type Test } from 'tap'
import { type GatewayProcess, gatewayProcess } from '../../support/gateway-process.ts'
import { exchange, RawClient } from '../../support/raw-client.ts'
import { eventually, originFor } from '../support.ts'
import { echo, pidsOf, statsOf, two } from './rig.ts'

/** By crypt(3): of the password "secret". */
const HASH = '$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'
const ATTEMPTS = 6

const attempt = (path: string, password: string, method = 'GET') => {
  const login = Buffer.from(`joe:${password}`).toString('base64')
  return `${method} ${path} HTTP/1.1\r\nHost: home.test\r\nAuthorization: Basic ${login}\r\nContent-Length: 0\r\n\r\n`
}

async function guarded(t: Test, doors: Readonly<Record<string, string>>): Promise<GatewayProcess> {
  const { url } = await originFor(t, echo)
  const routes = Object.entries(doors).map(
    ([path, access]) =>
      `  - { name: r${path.length}, match: { path: ${path} }, upstream: "${url}", access: ${access} }\n`,
  )
  return gatewayProcess(t, `${two}routes:\n${routes.join('')}`)
}

/** Clients of which each worker has some. */
async function clientsOfBoth(t: Test, gateway: GatewayProcess): Promise<RawClient[]> {
  const clients = Array.from({ length: 4 }, () => new RawClient(gateway.port))
  t.teardown(() => clients.forEach(client => void client.close()))
  await eventually(async () => (await statsOf(gateway)).workers?.every(({ connections }) => connections >= 1) === true)
  return clients
}

t.test('wrong passwords are counted over all workers, whichever has the connection', async t => {
  const users = `basic: { users: { joe: "${HASH}" } }`
  const gateway = await guarded(t, {
    '/': `{ ${users}, logins: { attempts: ${ATTEMPTS}, per: 1h } }`,
    '/other': `{ ${users}, logins: { attempts: ${ATTEMPTS}, per: 2h } }`,
  })
  const clients = await clientsOfBoth(t, gateway)
  for (const client of clients) t.equal((await client.send(attempt('/', 'secret')).answer()).status, 200)
  const guesses: number[] = []
  for (let i = 0; i < ATTEMPTS * 3; i++) {
    const client = clients[i % clients.length] as RawClient
    guesses.push((await client.send(attempt('/', `wrong ${i}`)).answer()).status)
  }
  t.strictSame(guesses.slice(0, ATTEMPTS), Array(ATTEMPTS).fill(401))
  t.strictSame(guesses.slice(ATTEMPTS), Array(ATTEMPTS * 2).fill(429))
  for (let i = 0; i < 2; i++)
    t.equal(
      (await exchange(gateway.port, attempt('/other', `wrong ${i}`))).status,
      429,
      'a longer window, no new tries',
    )

  await t.test('and a worker that takes the place of another one brings no new tries', async t => {
    for (const victim of pidsOf(await statsOf(gateway))) {
      process.kill(victim, 'SIGKILL')
      await eventually(async () => {
        const pids = pidsOf(await statsOf(gateway))
        return pids.length === 2 && !pids.includes(victim)
      }, 20_000)
    }
    for (let i = 0; i < 4; i++) t.equal((await exchange(gateway.port, attempt('/', `again ${i}`))).status, 429)
  })
})

t.test('logins of an app are counted over all workers', async t => {
  const gateway = await guarded(t, { '/': `{ logins: { paths: [/login], attempts: ${ATTEMPTS}, per: 1h } }` })
  const clients = await clientsOfBoth(t, gateway)
  const logins: number[] = []
  for (let i = 0; i < ATTEMPTS * 2; i++) {
    const client = clients[i % clients.length] as RawClient
    logins.push((await client.send(attempt('/login', 'x', 'POST')).answer()).status)
  }
  t.strictSame(logins, [...Array(ATTEMPTS).fill(200), ...Array(ATTEMPTS).fill(429)])
})
