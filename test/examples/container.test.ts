/**
 * The image of examples/container: its steps are carried out by a shell, then its process runs as its user, with nothing
 * but its state folder to write to, and its health check asks it. The engine's own part (mounts, network) is not tested.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { loadConfig } from '../../gateway/config/load.ts'
import { buildImage, type Image } from './containerfile.ts'

const project = fileURLToPath(new URL('../../', import.meta.url))
const example = join(project, 'examples/container')
const TOKEN = '0123456789abcdef0123'
/** `node` of the base image. */
const NODE_USER = 1000
const isRoot = process.getuid?.() === 0

/** The one file of node_modules that npm writes in place: a link of it would change ours. */
const WRITTEN_IN_PLACE = '.package-lock.json'
/** What the tests beside this one write while they run. */
const CACHE = '.cache'

/**
 * The packages as links: half a gigabyte of copies, with two other files of tests beside it, made a slow disk stand still
 * for longer than any of them may take.
 */
function linkTree(from: string, to: string): void {
  mkdirSync(to)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.name === CACHE) continue
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) linkTree(source, target)
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target)
    else if (entry.name === WRITTEN_IN_PLACE) copyFileSync(source, target)
    else linkFile(source, target)
  }
}

function linkFile(source: string, target: string): void {
  try {
    linkSync(source, target)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
    copyFileSync(source, target)
  }
}

/** The packages are there already: the registry is not asked. */
function installFromHere(command: string, folder: string): boolean {
  if (!command.startsWith('npm ci ')) return false
  linkTree(join(project, 'node_modules'), join(folder, 'node_modules'))
  return true
}

function builtImage(t: Test): Image {
  const work = mkdtempSync(join(tmpdir(), 'hearthgate-image-'))
  t.teardown(() => rmSync(work, { recursive: true, force: true }))
  chmodSync(work, 0o755)
  return buildImage({ file: join(example, 'Containerfile'), context: project, work, run: installFromHere })
}

/** As in a container: its own user, nothing of the environment, and paths as the image knows them. */
function processOf({ root, workdir, environment }: Image, words: readonly string[]) {
  const args = words.slice(1).map(word => (word.startsWith('/etc/') ? join(root, word) : word))
  const env = { ...environment, HEARTHGATE_TOKEN: TOKEN, PATH: dirname(process.execPath) }
  const user = isRoot ? { uid: NODE_USER, gid: NODE_USER } : {}
  return { command: process.execPath, args, options: { cwd: join(root, workdir), env, ...user } }
}

/** The example's configuration where the image expects it, with free ports and the folder that stands for `/data`. */
function mountConfig({ root }: Image): void {
  const folder = join(root, 'etc/hearthgate')
  mkdirSync(folder, { recursive: true })
  const text = readFileSync(join(example, 'config/gateway.yaml'), 'utf8')
  const adapted = text.replaceAll(/port: (8080|9900)/g, 'port: 0').replaceAll('/data', join(root, 'data'))
  writeFileSync(join(folder, 'gateway.yaml'), adapted)
}

t.test('the image', async t => {
  const image = builtImage(t)
  const app = join(image.root, image.workdir)

  await t.test('is of a Node that is fit, and of nobody in particular', async t => {
    t.ok(image.bases.every(base => /^node:24-/.test(base)))
    t.equal(image.user, 'node')
    t.strictSame(image.volumes, ['/data'])
    t.equal(image.stopSignal, 'SIGTERM')
  })

  await t.test('holds what runs and no more', async t => {
    t.strictSame(readdirSync(app).sort(), ['dist', 'node_modules', 'package.json'])
    const has = (name: string) => existsSync(join(app, 'node_modules', name, 'package.json'))
    for (const name of ['fastify', 'undici', '@fastify/rate-limit']) t.ok(has(name), name)
    for (const name of ['tap', 'typescript', 'tshy', 'ws', '@types/node']) t.notOk(has(name), name)
  })

  await t.test('runs as its user, says that it is well, and stops with 0', async t => {
    mountConfig(image)
    // The state is the node user's, all else root's: nothing else can be written where the test itself is root.
    if (isRoot) chownSync(join(image.root, 'data'), NODE_USER, NODE_USER)
    const health = processOf(image, image.healthcheck)
    const check = () => spawnSync(health.command, health.args, { ...health.options, encoding: 'utf8', timeout: 20_000 })
    t.equal(check().status, 1, 'nothing runs yet')

    const main = processOf(image, [...image.entrypoint, ...image.command])
    const child = spawn(main.command, main.args, { ...main.options, stdio: ['ignore', 'pipe', 'pipe'] })
    t.teardown(() => child.kill('SIGKILL'))
    let errors = ''
    child.stderr.on('data', chunk => (errors += chunk))
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { listen } = JSON.parse(line.toString()) as { listen: string[] }
    const port = new URL(listen[0] as string).port
    const page = await fetch(`http://127.0.0.1:${port}/`)
    t.equal(page.status, 404, 'no route is for this name')

    const { status, stderr } = check()
    t.equal(status, 0, stderr)
    child.kill(image.stopSignal as NodeJS.Signals)
    const [code] = (await once(child, 'exit')) as [number | null]
    t.equal(code, 0, errors)
    t.equal(check().status, 1, 'nothing runs any more')
  })
})

t.test('the configuration and the services know each other', async t => {
  const compose = parse(readFileSync(join(example, 'compose.yaml'), 'utf8')) as {
    services: Record<string, { read_only?: boolean; cap_drop?: string[]; ports?: string[]; image?: string }>
    volumes: Record<string, unknown>
  }
  const loaded = loadConfig(join(example, 'config/gateway.yaml'), { env: { HEARTHGATE_TOKEN: TOKEN } })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const { hearthgate, ...apps } = compose.services
  const upstreams = loaded.config.routes.flatMap(({ upstream }) => upstream.map(({ url }) => new URL(url).hostname))
  t.strictSame(upstreams.sort(), Object.keys(apps).sort())
  t.ok(hearthgate?.read_only)
  t.strictSame(hearthgate?.cap_drop, ['ALL'])
  for (const [name, app] of Object.entries(apps)) t.notOk(app.ports, `${name} has no door of its own`)
  const admin = hearthgate?.ports?.filter(port => port.endsWith(':9900'))
  t.strictSame(admin, ['127.0.0.1:9900:9900'])
  t.match(loaded.config, { admin: { token: TOKEN }, stateDir: '/data', store: 'disk:/data/cache' })
})
