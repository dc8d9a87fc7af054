import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { MAX_WAITING, openBuffered } from '../../../plugins/access-log/destination.ts'

function temporaryFolder(t: { teardown(fn: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-log-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

t.test('lines reach the file by the end, whole and in order', async t => {
  const file = join(temporaryFolder(t), 'access.log')
  const fd = openSync(file, 'a')
  const lost: string[] = []
  const destination = openBuffered(fd, reason => lost.push(reason))
  const lines = Array.from({ length: 500 }, (_, i) => `line ${i} ${'x'.repeat(i)}\n`)
  for (const line of lines) destination.write(line)
  await destination.close()
  t.equal(readFileSync(file, 'utf8'), lines.join(''))
  t.strictSame(lost, [])
  closeSync(fd)
})

t.test('a single line is written within about a second', async t => {
  const file = join(temporaryFolder(t), 'access.log')
  const fd = openSync(file, 'a')
  const destination = openBuffered(fd, () => {})
  destination.write('alone\n')
  const deadline = performance.now() + 10_000
  while (readFileSync(file, 'utf8') === '' && performance.now() < deadline) {
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  t.equal(readFileSync(file, 'utf8'), 'alone\n')
  await destination.close()
  closeSync(fd)
})

const noFifo = process.platform === 'win32' ? 'Windows has no named pipes in folders' : false

t.test('where nobody reads, what waits is bounded and the rest is counted', { skip: noFifo }, async t => {
  const pipe = join(temporaryFolder(t), 'pipe')
  t.equal(spawnSync('mkfifo', [pipe]).status, 0)
  const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
  let lost = 0
  const destination = openBuffered(fd, () => lost++)
  const line = `${'x'.repeat(1023)}\n`
  const count = (2 * MAX_WAITING) / line.length
  for (let i = 0; i < count; i++) destination.write(line)
  t.ok(lost >= count / 2 - 1, `${lost} of ${count} lost`)
  const startedAt = performance.now()
  await destination.close()
  t.ok(performance.now() - startedAt < 5000, 'closing does not wait for the reader')

  const buffer = Buffer.alloc(65_536)
  let bytes = 0
  const deadline = performance.now() + 30_000
  while (bytes < (count - lost) * line.length && performance.now() < deadline) {
    try {
      bytes += readSync(fd, buffer)
    } catch {
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }
  t.equal(bytes, (count - lost) * line.length, 'what was not lost arrives when somebody reads')
  closeSync(fd)
})

t.test('without a destination the lines are on stderr, the last one too', async t => {
  const plugin = new URL('../../../plugins/access-log/index.ts', import.meta.url).href
  const program = `
    import Fastify from ${JSON.stringify(import.meta.resolve('fastify'))}
    import { accessLog } from ${JSON.stringify(plugin)}
    const app = Fastify({ forceCloseConnections: true })
    await app.register(accessLog)
    app.get('/*', () => 'ok')
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    for (let i = 0; i < 3; i++) await (await fetch(url + '/' + i)).text()
    await app.close()
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [stderr, stdout, [code]] = await Promise.all([text(child.stderr), text(child.stdout), once(child, 'exit')])
  t.equal(code, 0)
  t.equal(stdout, '')
  const paths = stderr
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line).path)
  t.strictSame(paths, ['/0', '/1', '/2'])
})
