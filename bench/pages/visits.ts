/** One load of a page, as its browser tells it and as the line has seen it. */
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { HomeApp } from '../../test/apps/app.ts'
import type { Door } from './doors.ts'

const LIMIT_MS = 120_000

export interface Visit {
  readonly ms: number
  readonly bytes: number
}

/** A browser of its own: no cache, no cookies. */
export async function withContext<T>(browser: Browser, work: (context: BrowserContext) => Promise<T>): Promise<T> {
  const viewport = { width: 1280, height: 800 }
  const context = await browser.newContext({ locale: 'en-US', viewport })
  context.setDefaultTimeout(LIMIT_MS)
  try {
    return await work(context)
  } finally {
    await context.close()
  }
}

/** Opens the app and waits until it is ready for its user. */
export async function load(context: BrowserContext, app: HomeApp, { scheme, link }: Door): Promise<Visit> {
  const before = link.downBytes
  const page = await context.newPage()
  await page.goto(`${scheme}://${app.name}.localhost:${link.port}/`, { waitUntil: 'load' })
  await app.ready(page)
  const ms = await lastMoment(page)
  await page.close()
  return { ms, bytes: link.downBytes - before }
}

/** Of the page's own files, in milliseconds since the navigation began; event streams and polls have no end. */
function lastMoment(page: Page): Promise<number> {
  return page.evaluate(() => {
    const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
    const files = performance.getEntriesByType('resource') as PerformanceResourceTiming[]
    const own = files.filter(({ name, initiatorType }) => {
      const isFile = !['fetch', 'xmlhttprequest', 'beacon'].includes(initiatorType)
      return isFile && name.startsWith(location.origin)
    })
    return Math.max(navigation?.loadEventEnd ?? 0, ...own.map(({ responseEnd }) => responseEnd))
  })
}
