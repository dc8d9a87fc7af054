/** What keeps a gateway from starting: the command says what, in which key, what to do about it, and ends. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const MAIN = fileURLToPath(new URL('../../../gateway/main.ts', import.meta.url))

/** A command that is kept alive by what it opened ends only after this long. */
const SOON_MS = 4000

async function takenPort(t: Test): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  return (server.address() as { port: number }).port
}

async function startWith(t: Test, { listen = 0, admin = 0, store = 'disk:./cache' }) {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'gateway.yaml')
  writeFileSync(join(folder, 'a-file'), '')
  writeFileSync(
    file,
    `listen: { host: 127.0.0.1, port: ${listen} }
admin: { host: 127.0.0.1, port: ${admin} }
store: ${store}
routes:
  - { name: demo, match: { path: / }, upstream: "builtin:demo" }
`,
  )
  const child = spawn(process.execPath, [MAIN, 'start', '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] })
  let saidMs = 0
  child.stderr.once('data', () => {
    saidMs = performance.now()
  })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { stdout, stderr, code, endedAfterMs: performance.now() - saidMs }
}

t.test('the address of a listener', async t => {
  const port = await takenPort(t)
  const { stdout, stderr, code, endedAfterMs } = await startWith(t, { listen: port })
  t.equal(code, 78)
  t.equal(stdout, '')
  t.equal(
    stderr,
    `hearthgate: not started: cannot listen on 127.0.0.1:${port}: another program has it; stop that one, or choose another port in \`listen\` (EADDRINUSE)\n`,
  )
  t.ok(endedAfterMs < SOON_MS, `ended ${endedAfterMs} ms later`)
})

t.test('the address of the admin listener, when the others are open already', async t => {
  const port = await takenPort(t)
  const { stderr, code, endedAfterMs } = await startWith(t, { admin: port })
  t.equal(code, 78)
  t.match(stderr, `cannot listen on 127.0.0.1:${port}: another program has it`)
  t.match(stderr, 'in `admin` (EADDRINUSE)')
  t.ok(endedAfterMs < SOON_MS, `ended ${endedAfterMs} ms later`)
})

t.test('a folder of the store that cannot be made', async t => {
  const { stderr, code, endedAfterMs } = await startWith(t, { store: 'disk:./a-file/cache' })
  t.equal(code, 78)
  t.match(stderr, /not started: the store of the cache cannot be opened: .*a-file.*; name a folder .* in `store`/)
  t.ok(endedAfterMs < SOON_MS, `ended ${endedAfterMs} ms later`)
})
