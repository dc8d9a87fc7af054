/**
 * How a changed configuration is noticed: links of containers, folders that cannot be watched, files that go away.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { base } from '../support/gateway.ts'
import { gatewayProcess } from '../support/gateway-process.ts'
import { exchange } from '../support/raw-client.ts'
import { eventually, generationOf, get } from './support.ts'

const logged = base.replace('silent', 'info')
const yaml = (path: string) => `${logged}routes:\n  - { name: no, match: { path: ${path} }, deny: true }\n`

function folderFor(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-test-'))
  t.teardown(() => {
    chmodSync(folder, 0o700)
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

t.test('a linked file is watched at its end, also after the link has been turned', async t => {
  const folder = folderFor(t)
  const link = join(folder, 'gateway.yaml')
  const places = ['first', 'second'].map(name => join(folder, name, 'real.yaml'))
  for (const place of places) {
    mkdirSync(join(place, '..'))
    writeFileSync(place, yaml('/a'))
  }
  const [first = '', second = ''] = places
  symlinkSync('first/real.yaml', link)
  const gateway = await gatewayProcess(t, yaml('/unused'), ['--config', link])
  writeFileSync(first, yaml('/bb'))
  await eventually(async () => (await generationOf(gateway)) === 2)
  t.equal((await exchange(gateway.port, get('/bb'))).status, 403)

  symlinkSync('second/real.yaml', `${link}.new`)
  renameSync(`${link}.new`, link)
  await eventually(async () => (await generationOf(gateway)) === 3)
  writeFileSync(second, yaml('/cccc'))
  await eventually(async () => (await generationOf(gateway)) === 4)
  t.equal((await exchange(gateway.port, get('/cccc'))).status, 403)
})

t.test('a volume of Kubernetes, which turns a link to the folder of the file, reloads at each turn', async t => {
  const folder = folderFor(t)
  const turn = (to: string, path: string) => {
    mkdirSync(join(folder, to))
    writeFileSync(join(folder, to, 'gateway.yaml'), yaml(path))
    symlinkSync(to, join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  }
  turn('..2026_1', '/a')
  symlinkSync('..data/gateway.yaml', join(folder, 'gateway.yaml'))
  const gateway = await gatewayProcess(t, yaml('/unused'), ['--config', join(folder, 'gateway.yaml')])
  for (const n of [2, 3]) {
    turn(`..2026_${n}`, `/path${n}`)
    rmSync(join(folder, `..2026_${n - 1}`), { recursive: true })
    await eventually(async () => (await generationOf(gateway)) === n)
    t.equal((await exchange(gateway.port, get(`/path${n}`))).status, 403)
  }
})

t.test('a file that goes away is refused with a reason and the gateway lives; its return is a reload', async t => {
  const gateway = await gatewayProcess(t, yaml('/a'))
  renameSync(gateway.file, `${gateway.file}.old`)
  await eventually(() => gateway.log().includes('reload refused'))
  t.match(gateway.log(), 'cannot be read: no such file')
  t.equal((await exchange(gateway.port, get('/a'))).status, 403)
  t.equal(await generationOf(gateway), 1)
  writeFileSync(gateway.file, yaml('/b'))
  await eventually(async () => (await generationOf(gateway)) === 2)
})

t.test('a busy folder does not put the reload off', async t => {
  const gateway = await gatewayProcess(t, yaml('/a'))
  const busy = setInterval(() => appendFileSync(join(gateway.folder, 'app.log'), 'line\n'), 20)
  t.teardown(() => clearInterval(busy))
  writeFileSync(gateway.file, yaml('/bb'))
  await eventually(async () => (await generationOf(gateway)) === 2)
})

t.test('a folder that cannot be watched is a warning, not the end: SIGHUP still reloads', async t => {
  const main = fileURLToPath(new URL('../../gateway/main.ts', import.meta.url))
  // Root may read every folder, so that the gateway has to be somebody else.
  const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const canRead = spawnSync(process.execPath, ['-e', `require('node:fs').accessSync(${JSON.stringify(main)})`], user)
  if (canRead.status !== 0) {
    t.pass('the user nobody cannot read the project here')
    return
  }
  const folder = folderFor(t)
  const file = join(folder, 'gateway.yaml')
  writeFileSync(file, yaml('/a'), { mode: 0o644 })
  chmodSync(folder, 0o311)
  const child = spawn(process.execPath, [main, 'start', '--config', file], { ...user, stdio: 'pipe' })
  t.teardown(() => ended(child))
  let [out, log] = ['', '']
  child.stdout.on('data', chunk => {
    out += chunk
  })
  child.stderr.on('data', chunk => {
    log += chunk
  })
  await eventually(() => out.includes('\n') || child.exitCode !== null)
  const gateway = JSON.parse(out)
  await eventually(() => log.includes('cannot be watched'))
  t.match(log, 'EACCES')
  writeFileSync(file, yaml('/bb'))
  child.kill('SIGHUP')
  await eventually(async () => (await generationOf(gateway)) === 2)
  child.kill('SIGTERM')
  t.strictSame(await once(child, 'exit'), [0, null])
})

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
