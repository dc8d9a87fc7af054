// The doctor on the four home apps: nothing is wrong with right set-ups, and each wrong one is found with its line.
//   node test/apps/doctor.ts [--strict]
// Prints TAP. Not a part of `npm test`: it needs openssl, Transmission and, once, a package registry. See docs/doctor.md.
import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import type { Examination } from '../../gateway/doctor/index.ts'
import { freePorts } from '../support/free-ports.ts'
import type { HomeApp } from './app.ts'
import { makeCertificates } from './doctor-certificates.ts'
import { type Ports, rightSetUps, type SetUp, type WrongSetUp, wrongSetUps } from './doctor-set-ups.ts'
import { flood, startTransmission } from './flood.ts'
import { appsFolder, emptyState, installApp } from './install.ts'
import { nodeRed } from './node-red.ts'
import { environment, findCommand, node, ProcessGroup, project, untilReady } from './processes.ts'
import { tiddlywiki } from './tiddlywiki.ts'
import { verdaccio } from './verdaccio.ts'
import { answers } from './wait.ts'

const LIMIT_MS = 300_000
const APPS: readonly HomeApp[] = [nodeRed, tiddlywiki, verdaccio, flood]
const main = join(project, 'dist', 'gateway', 'main.js')

const { values: options } = parseArgs({ options: { strict: { type: 'boolean', default: false } } })
const programs = new ProcessGroup()
process.on('exit', () => programs.killAll())
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

t.setTimeout(0)
const missing = ['openssl', 'transmission-daemon'].filter(command => findCommand(command) === undefined)
if (missing.length > 0) {
  const reason = `not on this machine: apt-get install -y ${missing.join(' ')}`
  if (options.strict) t.fail(reason)
  else t.pass('the doctor on real apps', { skip: reason })
} else await drill().finally(() => programs.stopAll())

async function drill(): Promise<void> {
  for (const app of APPS) installApp(app)
  const watchdog = setTimeout(() => t.bailout(`not done after ${LIMIT_MS} ms`), LIMIT_MS)
  const ports = await startApps()
  const right = rightSetUps(ports)
  await t.test('nothing is wrong with right set-ups', async t => testRight(t, await examineAll('right', right), right))
  const wrong = wrongSetUps(ports)
  await t.test('what is wrong is found, with its line', async t =>
    testWrong(t, await examineAll('wrong', wrong), wrong),
  )
  clearTimeout(watchdog)
}

type Told = { readonly code: number; readonly examinations: ReadonlyMap<string, Examination> }

function testRight(t: Test, { code, examinations }: Told, setUps: readonly SetUp[]): void {
  t.equal(code, 0)
  for (const { name } of setUps) {
    const findings = examinations.get(name)?.findings ?? []
    t.ok(findings.length > 10, `${name} was examined`)
    const bad = findings.filter(({ status }) => status === 'fail' || status === 'warn')
    t.strictSame(bad, [], `nothing is wrong with ${name}`)
    const app = findings.find(({ check }) => check === 'app')
    t.equal(app?.status, 'pass', `${name} is recognised: ${app?.reason}`)
  }
}

function testWrong(t: Test, { code, examinations }: Told, setUps: readonly WrongSetUp[]): void {
  t.equal(code, 1)
  for (const { name, title, check, line } of setUps) {
    const finding = examinations.get(name)?.findings.find(one => one.check === check)
    t.match(finding, { status: 'fail', remedy: { line } }, `${title}: ${finding?.reason}; ${finding?.remedy?.line}`)
  }
}

/** A gateway with a route for each set-up, and what the command says of it. */
async function examineAll(name: string, setUps: readonly SetUp[]): Promise<Told> {
  const folder = emptyState(`doctor-${name}`)
  const hosts = setUps.map(setUp => `${setUp.name}.localhost`)
  const good = hosts.filter(host => !/^(expired|nameless)\./.test(host))
  const tls = makeCertificates(folder, { good, expired: 'expired.localhost' })
  const routes = setUps.map(({ name, path = '/', route }) => ({
    name,
    match: { host: `${name}.localhost`, path },
    ...route,
  }))
  const anyPort = { host: '127.0.0.1', port: 0 }
  const file = join(folder, 'gateway.yaml')
  writeFileSync(file, stringify({ listen: { ...anyPort, tls }, admin: anyPort, state_dir: './state', routes }))
  const logFile = join(folder, 'gateway.log')
  const gateway = programs.start({
    name: 'the gateway',
    command: node,
    args: [main, 'start', '--config', file],
    logFile,
  })
  let output = ''
  gateway.process.stdout?.on('data', chunk => {
    output += String(chunk)
  })
  await untilReady(gateway, async () => output.includes('\n'))
  try {
    return await runDoctor(file)
  } finally {
    await programs.stop(gateway)
  }
}

function runDoctor(config: string): Promise<Told> {
  return new Promise((resolve, reject) => {
    const args = [main, 'doctor', '--config', config, '--json']
    execFile(node, args, { env: environment(), maxBuffer: 16_000_000 }, (error, stdout, stderr) => {
      if (stdout === '') return reject(new Error(`the doctor said nothing: ${stderr}`))
      const { routes } = JSON.parse(stdout) as { routes: Examination[] }
      resolve({ code: Number(error?.code ?? 0), examinations: new Map(routes.map(one => [one.route, one])) })
    })
  })
}

async function startApps(): Promise<Ports> {
  const [a = 0, b = 0, c = 0, d = 0, below = 0, tls = 0, transmission = 0, none = 0] = await freePorts(8)
  mkdirSync(join(appsFolder, 'logs'), { recursive: true })
  const ports = [a, b, c, d]
  await Promise.all([...APPS.map((app, i) => startApp(app, ports[i] ?? 0)), startWikis(below, tls)])
  // Unlike Flood's, it checks by which name it is called.
  await startTransmission(emptyState('transmission'), programs, { port: transmission, checksName: true })
  return {
    'node-red': a,
    tiddlywiki: b,
    verdaccio: c,
    flood: d,
    'wiki-below': below,
    'wiki-tls': tls,
    transmission,
    none,
  }
}

function startApp(app: HomeApp, port: number): Promise<void> {
  const logFile = join(appsFolder, 'logs', `${app.name}.log`)
  return app.start({ folder: join(appsFolder, app.name), state: emptyState(app.name), logFile, port, programs })
}

/** A wiki that stands below /wiki, and one that speaks TLS with a certificate of its own. */
async function startWikis(below: number, tls: number): Promise<void> {
  const script = join(appsFolder, 'tiddlywiki', 'node_modules', 'tiddlywiki', 'tiddlywiki.js')
  const state = emptyState('wikis')
  const [pair] = makeCertificates(state, { good: ['localhost'] })
  for (const [name, port, settings] of [
    ['below', below, ['path-prefix=/wiki']],
    ['tls', tls, [`tls-cert=${pair?.cert}`, `tls-key=${pair?.key}`]],
  ] as const) {
    const wiki = join(state, name)
    spawnSync(node, [script, wiki, '--init', 'server'], { env: environment(), timeout: 30_000 })
    const args = [script, wiki, '--listen', `port=${port}`, 'host=127.0.0.1', ...settings]
    const program = { name: `TiddlyWiki (${name})`, command: node, args, logFile: join(state, `${name}.log`) }
    // Over TLS nobody here believes its certificate: that it listens has to do.
    const isReady = name === 'below' ? () => answers(port, '/wiki/status') : () => listens(port)
    await programs.startReady(program, isReady)
  }
}

async function listens(port: number): Promise<boolean> {
  const { knock } = await import('../../gateway/doctor/probes/raw.ts')
  return (await knock({ secure: false, to: { host: '127.0.0.1', port }, serverName: null }, 1_000)).code === null
}
