/**
 * Page loads as a home feels them: real apps in Chromium over a line of 10 Mbit/s and 40 ms, behind nginx and behind the
 * gateway, in turn.
 *
 *   npm run bench:pages [-- --app NAME]... [--rounds N] [--mbit N] [--rtt MS] [--md FILE]
 *
 * Times are from the start of the navigation to the later of the load event and the last byte of the page's own files;
 * bytes are those that came down the line. "first" is a browser without a cache, "second" the same browser again.
 */
import { hash, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Browser } from 'playwright-core'
import type { HomeApp } from '../../test/apps/app.ts'
import { launchBrowser } from '../../test/apps/browser.ts'
import { appsFolder, emptyState, installApp, missingCommands } from '../../test/apps/install.ts'
import { nodeRed } from '../../test/apps/node-red.ts'
import { ProcessGroup } from '../../test/apps/processes.ts'
import { tiddlywiki } from '../../test/apps/tiddlywiki.ts'
import { verdaccio } from '../../test/apps/verdaccio.ts'
import { freePorts } from '../../test/support/free-ports.ts'
import { findProgram } from '../command.ts'
import { chooseCores, describeMachine } from '../machine.ts'
import { median } from '../statistics.ts'
import { type Door, MAIN, openDoors } from './doors.ts'
import type { Site } from './nginx.ts'
import { type Figures, renderPages } from './table.ts'
import { load, type Visit, withContext } from './visits.ts'

const APPS: readonly HomeApp[] = [nodeRed, tiddlywiki, verdaccio]

const { values } = parseArgs({
  options: {
    app: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '5' },
    mbit: { type: 'string', default: '10' },
    rtt: { type: 'string', default: '40' },
    md: { type: 'string' },
  },
})

const programs = new ProcessGroup()
process.on('exit', () => programs.killAll())
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

await main()

async function main(): Promise<void> {
  const apps = APPS.filter(({ name }) => values.app?.includes(name) ?? true)
  const lacks = apps.map(missingCommands).find(line => line !== undefined)
  if (lacks !== undefined) throw new Error(lacks)
  if (findProgram('nginx') === null) throw new Error('apt-get install -y nginx libnginx-mod-http-brotli-filter')
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: npm run build`)
  const sites = await Promise.all(apps.map(startApp))
  const { doors, certificate } = await openDoors(
    sites,
    { mbit: Number(values.mbit), rttMs: Number(values.rtt) },
    programs,
  )
  const browser = await launchBrowser([trust(certificate)])
  try {
    const figures: Figures[] = []
    for (const app of apps) figures.push(...(await measureApp(browser, app, doors)))
    const text = renderPages(figures, {
      machine: describeMachine('Chromium', chooseCores()),
      line: `${values.mbit} Mbit/s, ${values.rtt} ms`,
      rounds: Number(values.rounds),
      command: `npm run bench:pages -- ${process.argv.slice(2).join(' ')}`.trim(),
    })
    process.stdout.write(text)
    if (values.md !== undefined) writeFileSync(values.md, text)
  } finally {
    await browser.close()
    for (const { link } of doors) link.close()
    await programs.stopAll()
  }
}

async function startApp(app: HomeApp): Promise<Site> {
  const folder = installApp(app)
  const [port = 0] = await freePorts(1)
  const logs = join(appsFolder, 'logs')
  mkdirSync(logs, { recursive: true })
  await app.start({ folder, state: emptyState(app.name), logFile: join(logs, `${app.name}.log`), port, programs })
  return { name: app.name, port }
}

/** All doors in turn, round by round; what comes before the first round fills the caches on the way. */
async function measureApp(browser: Browser, app: HomeApp, doors: readonly Door[]): Promise<Figures[]> {
  const visits = doors.map(door => ({ door, first: [] as Visit[], second: [] as Visit[] }))
  for (const door of doors) await withContext(browser, context => load(context, app, door))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { door, first, second } of visits) {
      await withContext(browser, async context => {
        first.push(await load(context, app, door))
        second.push(await load(context, app, door))
      })
    }
  }
  return visits.map(({ door, first, second }) => ({
    app: app.title,
    door: door.name,
    reference: door.scheme === 'http' ? 'nginx' : 'nginx-tuned, h2',
    first: middle(first),
    second: middle(second),
  }))
}

function middle(visits: readonly Visit[]): Visit {
  return { ms: median(visits.map(({ ms }) => ms)), bytes: median(visits.map(({ bytes }) => bytes)) }
}

/** Errors of a certificate that are only passed over would keep the browser from caching anything. */
function trust(certificate: string): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
  return `--ignore-certificate-errors-spki-list=${hash('sha256', key, 'base64')}`
}
