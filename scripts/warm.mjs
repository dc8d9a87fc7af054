// Starts what was built once and stops it, so that the code which a start compiles lies beside it (gateway/main.ts): the first
// start of a fresh clone is as quick as the second. Nothing depends on it: where it fails, a start takes longer.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const LONGEST_MS = 20_000

const config = `listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
state_dir: ./state
store: disk:./state/cache
routes:
  - name: demo
    upstream: builtin:demo
`

export async function warm(root) {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-build-'))
  const file = join(folder, 'gateway.yaml')
  writeFileSync(file, config)
  // Where the environment names a place for compiled code of its own, Node would write there.
  const { NODE_COMPILE_CACHE: _elsewhere, NODE_OPTIONS: _runner, ...env } = process.env
  const main = join(root, 'dist', 'gateway', 'main.js')
  const child = spawn(process.execPath, [main, 'start', '--config', file], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS)
  child.stdout.once('data', () => child.kill('SIGTERM'))
  await once(child, 'close')
  clearTimeout(timer)
  rmSync(folder, { recursive: true, force: true })
}
