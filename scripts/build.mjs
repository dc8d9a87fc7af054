// Builds dist/ from plugins/ with tsc and from gateway/ as a bundle, and copies the files that are data.
// `--if-stale` does nothing when dist/ is newer than every source, so that `npm start` costs nothing the second time.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from './bundle.mjs'
import { joinForTests } from './join-for-tests.mjs'
import { warm } from './warm.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(root, 'dist', '.built')

function newestMs(path) {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(0, ...readdirSync(path).map(name => newestMs(join(path, name))))
}

const sources = ['plugins', 'gateway', 'scripts', 'tsconfig.json', 'package.json'].map(name => join(root, name))
const isStale = !existsSync(stamp) || Math.max(...sources.map(newestMs)) > statSync(stamp).mtimeMs
if (process.argv.includes('--if-stale') && !isStale) process.exit(0)

const require = createRequire(import.meta.url)
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
const result = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.json')], { stdio: 'inherit', cwd: root })
if (result.status !== 0) process.exit(result.status ?? 1)
await bundle(root)
const presets = join('gateway', 'presets')
cpSync(join(root, presets), join(root, 'dist', presets), { recursive: true })
mkdirSync(dirname(stamp), { recursive: true })
const assets = join('gateway', 'admin', 'dashboard', 'assets')
cpSync(join(root, assets), join(root, 'dist', assets), { recursive: true })
chmodSync(join(root, 'dist', 'gateway', 'main.js'), 0o755)
await joinForTests(root)
await warm(root)
writeFileSync(stamp, '')
