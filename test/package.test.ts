/** What `npm pack` would publish: all that the package says it has, nothing of the workshop, no secrets, within a size. */
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('../', import.meta.url))
/** Of all files, unpacked: 4.9 MiB when it was written, with the maps of the sources. */
const MAX_BYTES = 8 * 1024 * 1024
const MAX_FILES = 2_500

interface Packed {
  readonly files: readonly { readonly path: string; readonly size: number }[]
}

interface Manifest {
  readonly main: string
  readonly types: string
  readonly bin: Readonly<Record<string, string>>
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

/** The runner of the tests changes how every child loads modules, so the shell takes that off. */
function run(command: string): string {
  const script = `unset NODE_OPTIONS; ${command}`
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script], { cwd: root, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command}: ${stderr}`)
  return stdout
}

run(`'${process.execPath}' scripts/build.mjs --if-stale`)
const [packed] = JSON.parse(run('npm pack --dry-run --json --ignore-scripts')) as [Packed]
const paths = packed.files.map(({ path }) => path)
const has = new Set(paths)
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest

t.test('everything that the package names is in it', async t => {
  const named = Object.values(manifest.exports).flatMap(entry =>
    typeof entry === 'string' ? [entry] : Object.values(entry),
  )
  const wanted = [...named, ...Object.values(manifest.bin), manifest.main, manifest.types].map(path =>
    path.replace(/^\.\//, ''),
  )
  t.ok(wanted.length > 20)
  for (const path of wanted) t.ok(has.has(path), path)
  for (const path of ['README.md', 'LICENSE', 'CHANGELOG.md', 'gateway.yaml', 'gateway.schema.json'])
    t.ok(has.has(path), path)
})

t.test('every plugin can be imported by its name', async t => {
  const names = globSync('plugins/*/index.ts', { cwd: root }).map(path => path.split('/')[1])
  for (const name of names.filter(name => name !== 'contract')) t.ok(`./${name}` in manifest.exports, name)
})

t.test('what is read while it runs is in it', async t => {
  const data = [
    ...globSync('gateway/presets/*.yaml', { cwd: root }),
    ...globSync('gateway/admin/dashboard/assets/**/*.*', { cwd: root }),
  ]
  t.ok(data.length > 20)
  for (const path of data) t.ok(has.has(`dist/${path}`), path)
})

t.test('the command can be executed', async t => {
  const main = readFileSync(join(root, manifest.bin['hearthgate'] as string), 'utf8')
  t.ok(main.startsWith('#!/usr/bin/env node'))
})

t.test('nothing of the workshop is in it', async t => {
  const foreign = paths.filter(
    path => /^(?:test|bench|scripts|plugins|gateway|state|\.[^/]+)\//.test(path) || /\.test\./.test(path),
  )
  t.strictSame(foreign, [])
  const tools = paths.filter(path =>
    /(?:^|\/)(?:\.env|\.npmrc|package-lock\.json|biome\.json|tsconfig[^/]*\.json)$/.test(path),
  )
  t.strictSame(tools, [])
})

t.test('no secrets are in it', async t => {
  const named = paths.filter(
    path => /\.(?:pem|key|p12|pfx|crt|log|sqlite|cpuprofile)$/.test(path) || /runtime\.json$/.test(path),
  )
  t.strictSame(named, [])
  const telling = /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bnpm_[A-Za-z0-9]{36}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b/
  const texts = paths.filter(path => existsSync(join(root, path)) && !path.endsWith('.png'))
  t.ok(texts.length > 500)
  t.strictSame(
    texts.filter(path => telling.test(readFileSync(join(root, path), 'utf8'))),
    [],
  )
})

/** Without the parts of the build before, which a second build leaves for a gateway that runs (scripts/bundle.mjs). */
function filesOfThisBuild(): Packed['files'] {
  const parts = new Set(readFileSync(join(root, 'dist/gateway/.parts'), 'utf8').split('\n'))
  const isOld = (path: string) => /\/joined-[^/]*$/.test(path) && !parts.has(path.split('/').at(-1) as string)
  return packed.files.filter(({ path }) => !isOld(path))
}

t.test('it is no larger than it was thought to be', async t => {
  const files = filesOfThisBuild()
  const bytes = files.reduce((sum, { size }) => sum + size, 0)
  t.comment(`${Math.round(bytes / 1024)} KiB in ${files.length} files`)
  t.ok(bytes < MAX_BYTES, String(bytes))
  t.ok(files.length < MAX_FILES, String(files.length))
})
