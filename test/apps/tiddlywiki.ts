// TiddlyWiki: one page of 2.8 MB made anew for each request, and notes that are saved by PUT and removed by DELETE,
// both refused without the header X-Requested-With.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { HomeApp, Room } from './app.ts'
import { environment, node } from './processes.ts'
import { answers } from './wait.ts'
import { type Door, send } from './wire.ts'

const CONSOLE_404 = 'console /: Failed to load resource: the server responded with a status of 404'
const REASON = 'the page asks whether it may be saved by WebDAV; the server does not know the method, gateway or not'

/** The part of TiddlyWiki's own page that the checks use. */
interface WikiWindow {
  readonly $tw: {
    readonly wiki: {
      addTiddler(fields: { title: string; text: string }): void
      deleteTiddler(title: string): void
      getTiddlerText(title: string): string | undefined
    }
    readonly syncer: { isDirty(): boolean }
  }
}

export const tiddlywiki: HomeApp = {
  name: 'tiddlywiki',
  title: 'TiddlyWiki',
  packages: { tiddlywiki: '5.4.1' },
  benign: [
    { trouble: 'answer 404 OPTIONS /', reason: REASON },
    { trouble: 'answer 404 HEAD /', reason: REASON },
    { trouble: CONSOLE_404, reason: REASON },
  ],
  // Each visit saves the list of open notes, which the page carries with a revision.
  moving: [/"revision":"\d+"/gu],

  async start({ folder, state, logFile, port, programs }: Room) {
    const script = join(folder, 'node_modules', 'tiddlywiki', 'tiddlywiki.js')
    const wiki = join(state, 'wiki')
    const made = spawnSync(node, [script, wiki, '--init', 'server'], { env: environment(), timeout: 30_000 })
    if (made.status !== 0) throw new Error(`TiddlyWiki could not make a wiki: ${made.stderr}`)
    const args = [script, wiki, '--listen', `port=${port}`, 'host=127.0.0.1']
    await programs.startReady({ name: 'TiddlyWiki', command: node, args, logFile }, () => answers(port, '/status'))
  },

  async ready(page) {
    await page.locator('.tc-site-title').first().waitFor()
    await page.waitForLoadState('networkidle')
    await allSaved(page)
  },

  async checks(t, visit) {
    const title = `Written over ${visit.door.name}`
    const text = `Saved at ${new Date().toISOString()}, with umlauts äöü and 家.`
    const { page } = await visit.openFrontPage()

    await t.test('a note saved by PUT survives a reload', async t => {
      const saved = savedBy(page, 'PUT', title)
      await page.evaluate(note => (window as unknown as WikiWindow).$tw.wiki.addTiddler(note), { title, text })
      t.equal((await saved).status(), 204)
      await reload(page)
      t.equal(await readNote(page, title), text)
      await visit.shot(page, 'saved')
    })

    await t.test('a note deleted by DELETE stays away after a reload', async t => {
      const deleted = savedBy(page, 'DELETE', title)
      await page.evaluate(name => (window as unknown as WikiWindow).$tw.wiki.deleteTiddler(name), title)
      t.equal((await deleted).status(), 204)
      await reload(page)
      t.equal(await readNote(page, title), undefined)
    })

    await t.test('a write is accepted with X-Requested-With and refused without it', async t => {
      t.equal(await write(visit.door, { 'x-requested-with': 'TiddlyWiki' }), 204)
      t.equal(await write(visit.door, {}), 403)
    })
  },
}

function savedBy(page: Page, method: string, title: string) {
  const isWrite = (url: string) => url.endsWith(`/tiddlers/${encodeURIComponent(title)}`)
  return page.waitForResponse(response => response.request().method() === method && isWrite(response.url()))
}

async function reload(page: Page): Promise<void> {
  await allSaved(page)
  await page.reload({ waitUntil: 'load' })
  await tiddlywiki.ready(page)
}

async function allSaved(page: Page): Promise<void> {
  await page.waitForFunction(() => !(window as unknown as WikiWindow).$tw.syncer.isDirty())
}

function readNote(page: Page, title: string): Promise<string | undefined> {
  return page.evaluate(name => (window as unknown as WikiWindow).$tw.wiki.getTiddlerText(name), title)
}

/** Writes a note with a client that is no browser; returns the status. */
async function write(door: Door, extra: Record<string, string>): Promise<number> {
  const headers = { 'content-type': 'application/json', ...extra }
  const body = JSON.stringify({ title: 'Plain', text: 'written without a page' })
  return (await send(door, { method: 'PUT', path: '/recipes/default/tiddlers/Plain', headers, body })).status
}
