/**
 * Credentials that an app asks for once a connection (NTLM, RFC 4559): one client's word never opens the door for another,
 * neither over a kept connection nor out of the store, and the three steps of a login reach the app on one connection.
 */
import { once } from 'node:events'
import { connect } from 'node:http2'
import t, { type Test } from 'tap'
import { startGateway } from '../support/gateway.ts'
import { RawClient } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { bothDoors, eventually, get, originFor } from './support.ts'

const HELLO = 'Authorization: NTLM aGVsbG8=\r\n'
const PROOF = 'Authorization: NTLM am9l\r\n'

/** As IIS and what imitates it: the first token is answered by a challenge, the second opens the connection. */
async function behind(t: Test, more = '') {
  const steps = new Map<number, number>()
  const origin = await originFor(t, ({ headers, connection, target }, socket) => {
    const step = steps.get(connection) ?? 0
    if (step === 2)
      return void socket.write(answer(200, { 'content-type': 'text/plain', etag: '"1"' }, `joe ${target}`))
    const given = headers['authorization']?.split(' ')[1]
    const isNext = given === (step === 0 ? 'aGVsbG8=' : 'am9l')
    if (isNext) steps.set(connection, step + 1)
    if (isNext && step === 1) return void socket.write(answer(200, { 'content-type': 'text/plain' }, 'joe is in'))
    const scheme = isNext ? 'NTLM Y2hhbGxlbmdl' : 'NTLM'
    socket.write(answer(401, { 'www-authenticate': scheme }, 'who?'))
  })
  const routes = `routes:\n  - { name: app, upstream: "${origin.url}"${more} }\n`
  const { ports } = await startGateway(t, `${bothDoors}\n${routes}`)
  const client = () => {
    const made = new RawClient(ports[1] as number)
    t.teardown(() => made.socket.destroy())
    return made
  }
  return { origin, ports, client }
}

async function ask(client: RawClient, path: string, more = ''): Promise<number> {
  return (await client.send(get(path, more)).answer()).status
}

async function login(client: RawClient): Promise<number[]> {
  return [await ask(client, '/a'), await ask(client, '/a', HELLO), await ask(client, '/a', PROOF)]
}

t.test('who has logged in stays so on its connection, and nobody else gets it', async t => {
  const { origin, client } = await behind(t)
  const [joe, stranger] = [client(), client()]
  t.same(await login(joe), [401, 401, 200])
  t.equal(await ask(stranger, '/b'), 401)
  t.equal(await ask(joe, '/b'), 200, 'without a word more')
  t.equal(await ask(stranger, '/b'), 401, 'nor out of the store')
  t.equal(await ask(joe, '/b', 'If-None-Match: "1"\r\n'), 200)
  t.equal(origin.connections, 2)
})

t.test('two log in at the same time', async t => {
  const { origin, client } = await behind(t)
  const [joe, ann] = [client(), client()]
  t.equal(await ask(joe, '/a', HELLO), 401)
  t.equal(await ask(ann, '/a', HELLO), 401)
  t.equal(await ask(joe, '/a', PROOF), 200)
  t.equal(await ask(ann, '/a', PROOF), 200)
  t.equal(origin.connections, 2, 'each by its own proof')
})

t.test('the connection to the app ends with that of the client', async t => {
  const { origin, client } = await behind(t)
  const joe = client()
  await login(joe)
  t.equal(origin.sockets.size, 1)
  joe.socket.destroy()
  await eventually(() => origin.sockets.size === 0)
})

t.test('held connections that nobody uses give their place to others', async t => {
  const { client } = await behind(t, ', connection_pools: { max_size: 2, min_size: 0 }')
  for (let i = 0; i < 4; i++) t.same(await login(client()), [401, 401, 200], `client ${i + 1}`)
  t.equal(await ask(client(), '/b'), 401)
})

t.test('over HTTP/2 the session is the connection', async t => {
  const { ports, client } = await behind(t)
  const session = connect(`https://localhost:${ports[0]}`, { rejectUnauthorized: false })
  t.teardown(() => session.destroy())
  const status = async (authorization?: string) => {
    const stream = session.request({ ':path': '/b', ...(authorization === undefined ? {} : { authorization }) })
    const [headers] = await once(stream, 'response')
    stream.resume()
    await once(stream, 'close')
    return headers[':status']
  }
  t.same([await status('NTLM aGVsbG8='), await status('NTLM am9l'), await status()], [401, 200, 200])
  t.equal(await ask(client(), '/b'), 401)
})
