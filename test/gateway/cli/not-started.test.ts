/** What keeps a gateway from starting: the command says what, in which key, what to do about it, and ends. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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

async function startWith(t: Test, { listen = 0, admin = 0, store = 'disk:./cache', state = './state' }) {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'gateway.yaml')
  writeFileSync(join(folder, 'a-file'), '')
  symlinkSync('loop', join(folder, 'loop'))
  writeFileSync(
    file,
    `listen: { host: 127.0.0.1, port: ${listen} }
admin: { host: 127.0.0.1, port: ${admin} }
store: ${store}
state_dir: ${state}
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

t.test('a place that can never be a folder', async t => {
  const remedy = 'name a folder that this user can write in'
  const cases: [key: string, place: object, reason: RegExp][] = [
    ['store', { store: 'disk:./a-file/cache' }, /a-file\/cache cannot be a folder: \S+\/a-file is a file/],
    ['state_dir', { state: './a-file' }, /\/a-file cannot be a folder: it is a file/],
    ['state_dir', { state: './loop/state' }, /cannot be a folder: its symbolic links go round in circles/],
    ['state_dir', { state: `./${'x'.repeat(300)}` }, /cannot be a folder: a name in it is too long/],
  ]
  // Node's `mkdir` never ends there: the command said nothing and could not be interrupted.
  const view = /: \/proc is a view of the kernel \(proc\)/
  if (process.platform === 'linux') {
    cases.push(['state_dir', { state: '/proc/hearthgate' }, view])
    cases.push(['store', { store: 'disk:/proc/hearthgate/cache' }, view])
  }
  for (const [key, place, reason] of cases) {
    const { stdout, stderr, code, endedAfterMs } = await startWith(t, place)
    t.equal(code, 78, JSON.stringify(place))
    t.equal(stdout, '')
    t.match(stderr, new RegExp(`gateway\\.yaml:${key === 'store' ? 3 : 4}:\\d+ "${key}": `))
    t.match(stderr, reason)
    t.match(stderr, `; ${remedy}`)
    t.ok(endedAfterMs < SOON_MS, `ended ${endedAfterMs} ms later`)
  }
})
