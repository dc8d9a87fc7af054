// Home apps in a real browser, behind the gateway as its users run it:
//   node test/apps/run.ts [--app NAME]... [--direct] [--bare] [--gateway FILE] [--strict]
// Prints TAP. Not a part of `npm test`: it needs Chromium, Debian's apps and, once, a package registry. See docs/apps.md.
import { existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { freePorts } from '../support/free-ports.ts'
import { apache } from './apache.ts'
import type { HomeApp, Visit } from './app.ts'
import { launchBrowser, openVisit } from './browser.ts'
import { cockpit } from './cockpit.ts'
import { dokuwiki } from './dokuwiki.ts'
import { flood } from './flood.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { icecast } from './icecast.ts'
import { appsFolder, emptyShots, emptyState, installApp, missingCommands } from './install.ts'
import { jupyter } from './jupyter.ts'
import { nodeRed } from './node-red.ts'
import { novnc } from './novnc.ts'
import { checkPages, checkTroubles, readReference } from './pages.ts'
import { hasEnded, ProcessGroup, project } from './processes.ts'
import { qbittorrent } from './qbittorrent.ts'
import { radicale } from './radicale.ts'
import { registry } from './registry.ts'
import { syncthing } from './syncthing.ts'
import { tiddlywiki } from './tiddlywiki.ts'
import { verdaccio } from './verdaccio.ts'
import { vite } from './vite.ts'
import type { Door } from './wire.ts'

const LIMIT_MS = 240_000
/** With many apps; how long all of them may take. */
const LIMIT_OF_EACH_MS = 60_000
const DOOR_LIMIT_MS = 60_000
const APPS: readonly HomeApp[] = [
  nodeRed,
  tiddlywiki,
  verdaccio,
  flood,
  jupyter,
  syncthing,
  qbittorrent,
  radicale,
  apache,
  icecast,
  cockpit,
  novnc,
  dokuwiki,
  vite,
  registry,
]

const { values: options } = parseArgs({
  options: {
    app: { type: 'string', multiple: true },
    bare: { type: 'boolean', default: false },
    direct: { type: 'boolean', default: false },
    gateway: { type: 'string', default: join(project, 'dist', 'gateway', 'main.js') },
    strict: { type: 'boolean', default: false },
  },
})

interface StartedApp {
  readonly app: HomeApp
  readonly port: number
}

const programs = new ProcessGroup()
process.on('exit', () => programs.killAll())
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

await main().catch((error: Error) => t.bailout(error.message))

async function main(): Promise<void> {
  // Once the apps are installed, the watchdog bounds the run: one that hangs must not leave programs behind.
  t.setTimeout(0)
  if (!options.direct && !existsSync(options.gateway)) throw new Error(`${options.gateway} is missing: npm run build`)
  const installed = chooseApps(options.app).filter(isInstalled)
  const watchdog = setTimeout(giveUp, Math.max(LIMIT_MS, LIMIT_OF_EACH_MS * installed.length))
  try {
    await testApps(installed)
  } finally {
    await programs.stopAll()
    clearTimeout(watchdog)
  }
}

function chooseApps(names: readonly string[] | undefined): readonly HomeApp[] {
  const unknown = names?.filter(name => !APPS.some(app => app.name === name)) ?? []
  if (unknown.length > 0) throw new Error(`unknown app ${unknown}; there are ${APPS.map(app => app.name).join(', ')}`)
  return names === undefined ? APPS : APPS.filter(app => names.includes(app.name))
}

/** Installs an app if need be. One that cannot be is skipped by name, with --strict a failure. */
function isInstalled(app: HomeApp): boolean {
  if (options.bare && !options.direct && app.refusesBare !== undefined) {
    t.pass(app.title, { skip: app.refusesBare })
    return false
  }
  const reason = whyNotInstalled(app)
  if (reason === undefined) return true
  if (options.strict) t.fail(`${app.title}: ${reason}`)
  else t.pass(app.title, { skip: reason })
  return false
}

function whyNotInstalled(app: HomeApp): string | undefined {
  const missing = missingCommands(app)
  if (missing !== undefined) return `not on this machine: ${missing}`
  try {
    installApp(app)
    return undefined
  } catch (error) {
    return (error as Error).message.replaceAll('\n', ' ')
  }
}

async function testApps(apps: readonly HomeApp[]): Promise<void> {
  if (apps.length === 0) return
  const started = await Promise.all(apps.map(startApp))
  const upstreams = started.map(({ app, port }) => {
    const preset = options.bare ? null : app.preset === undefined ? app.name : app.preset
    return { name: app.name, port, preset, more: app.route ?? {} }
  })
  const gateway = options.direct
    ? undefined
    : await startGateway(resolve(options.gateway), upstreams, { state: emptyState('gateway'), programs })
  const browser = await launchBrowser()
  try {
    for (const each of started) await t.test(each.app.title, t => testApp(t, each, { browser, gateway }))
  } finally {
    await browser.close()
  }
  if (gateway !== undefined) await t.test('the gateway has lived through it and ends cleanly', t => testEnd(t, gateway))
}

async function startApp(app: HomeApp): Promise<StartedApp> {
  const [port = 0] = await freePorts(1)
  const state = emptyState(app.name)
  emptyShots(app)
  const logs = join(appsFolder, 'logs')
  mkdirSync(logs, { recursive: true })
  const folder = join(appsFolder, app.name)
  await app.start({ folder, state, logFile: join(logs, `${app.name}.log`), port, programs })
  return { app, port }
}

type Surroundings = { readonly browser: Browser; readonly gateway: Gateway | undefined }

async function testApp(t: Test, { app, port }: StartedApp, { browser, gateway }: Surroundings): Promise<void> {
  const direct: Door = { name: 'direct', title: 'directly', origin: `http://${app.name}.localhost:${port}` }
  const reference = await readReference(() => openVisit(browser, app, direct))
  const doors = gateway === undefined ? [direct] : gatewayDoors(app, gateway)
  for (const door of doors) {
    await testDoor(t, `${app.title} ${door.title}`, await openVisit(browser, app, door), (t, visit) =>
      checkPages(t, app, visit, { reference, direct }),
    )
  }
  // Work changes what the pages show, so it comes after the comparisons.
  for (const door of doors) {
    await testDoor(t, `${app.title} ${door.title}, at work`, await openVisit(browser, app, door), async (t, visit) => {
      await app.checks(t, visit)
      await checkTroubles(t, app, visit)
    })
  }
}

type VisitChecks = (t: Test, visit: Visit) => Promise<void>

async function testDoor(t: Test, title: string, visit: Visit, checks: VisitChecks): Promise<void> {
  try {
    await t.test(title, { timeout: DOOR_LIMIT_MS }, t => checks(t, visit))
  } finally {
    await visit.context.close()
  }
}

function gatewayDoors(app: HomeApp, { httpPort, httpsPort, certificate }: Gateway): Door[] {
  const host = `${app.name}.localhost`
  return [
    { name: 'http', title: 'over plain HTTP', origin: `http://${host}:${httpPort}` },
    { name: 'https', title: 'over TLS and HTTP/2', origin: `https://${host}:${httpsPort}`, certificate },
  ]
}

async function testEnd(t: Test, { running }: Gateway): Promise<void> {
  t.notOk(hasEnded(running), 'it still runs after the last page')
  t.equal(await programs.stop(running), 0, 'its exit code after SIGTERM')
}

function giveUp(): void {
  t.bailout('not done in the time that all apps may take')
  process.exit(1)
}
