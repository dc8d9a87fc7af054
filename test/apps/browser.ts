// Headless Chromium, kept off the internet and quiet about itself; each door of an app gets a context of its own.
import { join } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import type { HomeApp, Visit } from './app.ts'
import { Diary } from './diary.ts'
import { appsFolder } from './install.ts'
import { findCommand } from './processes.ts'
import type { Door } from './wire.ts'

const LIMIT_MS = 20_000
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE *.localhost, EXCLUDE 127.0.0.1',
]

/** @param flags further ones of the command line */
export function launchBrowser(flags: readonly string[] = []): Promise<Browser> {
  const executablePath = findCommand('chromium') ?? '/usr/bin/chromium'
  return chromium.launch({ executablePath, args: [...FLAGS, ...flags], timeout: LIMIT_MS })
}

/** Opens a door with an empty cache; the run's self-signed certificate is accepted. */
export async function openVisit(browser: Browser, app: HomeApp, door: Door): Promise<Visit> {
  const viewport = { width: 1280, height: 800 }
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-US', viewport })
  context.setDefaultTimeout(LIMIT_MS)
  const shots = join(appsFolder, 'shots')
  const diaries: Diary[] = []
  return {
    door,
    context,
    diaries,
    openFrontPage: async () => {
      const page = await context.newPage()
      const diary = new Diary(page, { origin: door.origin, moving: app.moving ?? [], live: app.live })
      diaries.push(diary)
      await page.goto(`${door.origin}/`, { waitUntil: 'load' })
      await app.ready(page)
      return { page, diary }
    },
    shot: async (page, what) => {
      await page.screenshot({ path: join(shots, `${app.name}-${door.name}-${what}.png`) })
    },
  }
}

/** The protocols of the page and its own resources, as Chromium names them (`http/1.1`, `h2`), without doubles. */
export function usedProtocols(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const entries = ['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind))
    const own = (entries as PerformanceResourceTiming[]).filter(entry => entry.name.startsWith(location.origin))
    return [...new Set(own.map(entry => entry.nextHopProtocol))].filter(name => name !== '')
  })
}
