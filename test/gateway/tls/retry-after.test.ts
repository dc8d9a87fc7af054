/** An authority that is busy is left alone for as long as it asks, by every name, and over restarts. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import t from 'tap'
import { CertificateKeeper } from '../../../gateway/certificates/index.ts'
import { loadConfig } from '../../../gateway/config/load.ts'
import { selfSigned } from '../../support/certificates.ts'
import { folderOf } from '../../support/folder.ts'
import { eventually } from '../support.ts'

const HOUR = 3_600_000

t.test('Retry-After of a directory that is busy', async t => {
  const own = selfSigned('localhost')
  let requests = 0
  const server = createServer(own, (_request, answer) => {
    requests++
    answer.writeHead(429, { 'Retry-After': '7200', 'Content-Type': 'application/problem+json' })
    answer.end('{"type":"urn:ietf:params:acme:error:rateLimited","detail":"busy"}')
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const dir = folderOf(t, {
    'ca.pem': own.cert,
    'gateway.yaml': `listen: [{ port: 80 }, { port: 443, tls: { acme: true, hosts: [a.test, b.test, c.test] } }]
acme: { email: a@b.c, agree: true, directory: "https://localhost:${port}/dir", ca: ca.pem }
routes: [{ name: a, upstream: http://10.0.0.9 }]
`,
  })
  const configNow = () => {
    const loaded = loadConfig(join(dir, 'gateway.yaml'))
    if (!loaded.ok) throw new Error(loaded.problems.map(({ message }) => message).join('\n'))
    return loaded.config
  }
  const failures: { names: string[]; next: string; reason: string }[] = []
  const log = {
    info() {},
    error: (fields: object) => t.fail(JSON.stringify(fields)),
    warn: (fields: object) => void failures.push(fields as (typeof failures)[number]),
  }
  let nowMs = Date.now()
  const keep = async () => {
    const keeper = new CertificateKeeper(log, { now: () => nowMs, lookMs: 20, random: () => 0.5 })
    t.teardown(() => keeper.close())
    await keeper.prepare(configNow())
    keeper.use(configNow())
    return keeper
  }
  const pause = () => new Promise(resolve => setTimeout(resolve, 150))

  const keeper = await keep()
  await eventually(() => failures.length === 1)
  await pause()
  t.equal(requests, 1, 'one request for three names, however often it is looked at')
  t.strictSame(failures[0]?.names, ['a.test'])
  t.ok(Date.parse(failures[0]?.next ?? '') >= nowMs + 2 * HOUR - 1)
  keeper.close()

  const restarted = await keep()
  await pause()
  t.equal(requests, 1, 'after a restart too')
  restarted.close()

  const text = configNow().file
  writeFileSync(text, readFileSync(text, 'utf8').replace('a@b.c', 'new@b.c'))
  const changed = await keep()
  await pause()
  t.equal(requests, 1, 'and with another configuration: it is the same authority')
  changed.close()

  nowMs += 2 * HOUR + 1000
  await keep()
  await eventually(() => requests > 1)
  t.pass('then it is asked again')
  // What it notes of that goes into the folder, which must not be gone by then.
  await eventually(() => failures.length > 1)
})
