/**
 * The file by which commands find the gateway: who can read it, and when it goes away.
 */
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { base } from '../../support/gateway.ts'
import { gatewayProcess } from '../../support/gateway-process.ts'
import { eventually, generationOf } from '../support.ts'

const routes = 'routes:\n  - { name: no, deny: true }\n'

function stateFor(t: Test): { state: string; file: string } {
  const state = mkdtempSync(join(tmpdir(), 'hearthgate-state-'))
  t.teardown(() => rmSync(state, { recursive: true, force: true }))
  return { state, file: join(state, 'runtime.json') }
}

t.test('the token is never in a file that others can read, whatever lay there before', async t => {
  const { state, file } = stateFor(t)
  writeFileSync(file, 'old', { mode: 0o644 })
  const reader = openSync(file, 'r')
  t.teardown(() => closeSync(reader))
  const token = 'a-token-of-more-than-16'
  const yaml = `${base.replace('admin: { ', `admin: { token: ${token}, `)}state_dir: "${state}"\n${routes}`
  const gateway = await gatewayProcess(t, yaml)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.match(JSON.parse(readFileSync(file, 'utf8')), { token, pid: gateway.child.pid, admin: gateway.admin })
  t.equal(readFileSync(reader, 'utf8'), 'old', 'who has the old file open does not see the token')
  gateway.child.kill('SIGTERM')
  await once(gateway.child, 'exit')
  t.notOk(existsSync(file))
})

t.test('it is taken away from where it was written, also when a reload has named another folder', async t => {
  const { state, file } = stateFor(t)
  const yaml = (folder: string) => `${base}state_dir: "${join(state, folder)}"\n${routes}`
  const gateway = await gatewayProcess(t, yaml('.'))
  mkdirSync(join(state, 'other'))
  writeFileSync(join(state, 'other/runtime.json'), '{}')
  writeFileSync(gateway.file, yaml('other'))
  await eventually(async () => (await generationOf(gateway)) === 2)
  t.ok(existsSync(file))
  gateway.child.kill('SIGTERM')
  await once(gateway.child, 'exit')
  t.notOk(existsSync(file))
  t.ok(existsSync(join(state, 'other/runtime.json')))
})

t.test('the file of a gateway that has started meanwhile stays', async t => {
  const { state, file } = stateFor(t)
  const yaml = `${base}state_dir: "${state}"\n${routes}`
  const old = await gatewayProcess(t, yaml)
  const fresh = await gatewayProcess(t, yaml)
  old.child.kill('SIGTERM')
  await once(old.child, 'exit')
  t.equal(JSON.parse(readFileSync(file, 'utf8')).pid, fresh.child.pid)
})
