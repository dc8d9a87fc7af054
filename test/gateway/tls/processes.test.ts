/** Certificates where there are several processes, and where one has to end. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTcp } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import t from 'tap'
import { folderOf } from '../../support/folder.ts'
import { freePorts } from '../../support/free-ports.ts'
import { gatewayProcess } from '../../support/gateway-process.ts'
import { eventually } from '../support.ts'
import { skipWithoutPebble, startPebble } from './pebble.ts'

const yaml = (listen: string, more: string) => `
listen: ${listen}
admin: { host: 127.0.0.1, port: 0 }
log: { level: info, access: none }
${more}
routes:
  - { name: a, match: { host: wiki.example.com }, upstream: 'builtin:demo' }
`

/** Names in what a new connection is shown. */
function namesShown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', servername: 'wiki.example.com', rejectUnauthorized: false }
    const socket = connect(options, () => {
      resolve(socket.getPeerCertificate().subjectaltname ?? '')
      socket.destroy()
    }).on('error', reject)
  })
}

t.test('several workers answer for one order and show one certificate', { skip: skipWithoutPebble }, async t => {
  const [plainPort = 0, tlsPort = 0] = await freePorts(2)
  const { directory, ca } = await startPebble(t, { folder: folderOf(t), httpPort: plainPort })
  const listen = `[{ port: ${plainPort} }, { port: ${tlsPort}, tls: { acme: true } }]`
  const acme = `workers: 2\nacme: { email: me@example.com, agree: true, directory: "${directory}", ca: ${ca} }`
  const { child, log } = await gatewayProcess(t, yaml(listen, acme))
  // Connections go to the workers in turn.
  const all = async () => {
    const shown = [await namesShown(tlsPort), await namesShown(tlsPort), await namesShown(tlsPort)]
    return shown.every(names => names === 'DNS:wiki.example.com')
  }
  await eventually(all)
  t.equal(log().split('certificate is being ordered').length - 1, 1, 'one order')
  child.kill('SIGTERM')
  t.strictSame(await once(child, 'exit'), [0, null])
})

t.test('several workers share the local CA', async t => {
  const { port, folder } = await gatewayProcess(t, yaml('{ port: 0, tls: { local_ca: true } }', 'workers: 2'))
  const ca = readFileSync(join(folder, 'state/certificates/local-ca/ca.pem'))
  for (let i = 0; i < 4; i++) {
    const socket = connect({ port, host: '127.0.0.1', servername: 'wiki.example.com', ca })
    await once(socket, 'secureConnect')
    t.equal(socket.authorized, true)
    socket.destroy()
  }
})

t.test('an authority that says nothing keeps no gateway from ending', async t => {
  const silent = createTcp(() => {}).listen(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await once(silent, 'listening')
  const { port } = silent.address() as { port: number }
  const called = once(silent, 'connection')
  const acme = `acme: { email: me@example.com, agree: true, directory: "https://127.0.0.1:${port}/dir" }`
  const { child, log } = await gatewayProcess(
    t,
    yaml('[{ port: 0 }, { port: 0, tls: { acme: true, hosts: [a.test] } }]', acme),
  )
  await called
  const startedMs = performance.now()
  child.kill('SIGTERM')
  t.strictSame(await once(child, 'exit'), [0, null])
  t.ok(performance.now() - startedMs < 5_000)
  t.notMatch(log(), /certificate not issued/, 'an order that was given up is no failure')
})

t.test('an app may answer challenges of its own', async t => {
  const origin = createServer((request, answer) => answer.end(`app: ${request.url}`)).listen(0, '127.0.0.1')
  t.teardown(() => origin.close())
  await once(origin, 'listening')
  const { port } = origin.address() as { port: number }
  const acme = 'acme: { email: me@example.com, agree: true, directory: "https://127.0.0.1:1/dir" }'
  const text = yaml('[{ port: 0 }, { port: 0, tls: { acme: true, hosts: [a.test] } }]', acme)
  const gateway = await gatewayProcess(
    t,
    text.replace('builtin:demo', `http://127.0.0.1:${port}`).replace('host: wiki.example.com', 'path: /'),
  )
  const path = `/.well-known/acme-challenge/${'x'.repeat(43)}`
  const answer = await fetch(`http://127.0.0.1:${gateway.port}${path}`)
  t.equal(await answer.text(), `app: ${path}`)
  const outside = await fetch(`http://127.0.0.1:${gateway.port}/.well-known/acme-challenge/..%2f..%2facme`)
  t.equal(outside.status, 400, 'what is no token is no file')
})
