/**
 * The dashboard in a real browser, over a gateway with traffic: every page, live numbers, a purge, a why, a phone.
 */

import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import type { KnobStatus } from '../../plugins/tuner/index.ts'
import { launchBrowser } from '../apps/browser.ts'
import { findCommand } from '../apps/processes.ts'
import { base, startGateway, type TestGateway } from '../support/gateway.ts'
import { answer } from '../support/raw-origin.ts'
import { eventually, originFor } from './support.ts'

const skip = findCommand('chromium') === undefined ? 'Chromium is missing: apt-get install chromium' : false
const PAGES = ['overview', 'routes', 'requests', 'cache', 'compression', 'tuner', 'configuration']
const PHONE = { width: 390, height: 844 }

async function gatewayWithTraffic(t: Test): Promise<TestGateway> {
  const origin = await originFor(t, (_request, socket) => {
    socket.write(answer(200, { 'Cache-Control': 'public, max-age=600', 'Content-Type': 'text/plain' }, 'hello'))
  })
  const slow = await originFor(t, (_request, socket) => void setTimeout(() => socket.write(answer(200, {}, 'ok')), 40))
  const gateway = await startGateway(
    t,
    `${base}routes:
  - { name: wiki, match: { path: /wiki }, upstream: "${origin.url}", compression: false }
  - { name: photos, match: { path: /photos }, upstream: "${slow.url}", tuner: { mode: suggest } }
  - { name: gone, match: { path: /gone }, upstream: "http://127.0.0.1:9" }
  - { name: closed, match: { path: /closed }, deny: true }
`,
  )
  await visit(gateway, ['/wiki/page', '/wiki/page', '/gone', '/closed?token=hunter2hunter2', '/nowhere'])
  return gateway
}

async function visit({ port }: TestGateway, paths: readonly string[]): Promise<void> {
  for (const path of paths) await (await fetch(`http://127.0.0.1:${port}${path}`)).arrayBuffer()
}

/** Whose refusals the pages themselves tell in words; the browser writes them to its console as well. */
const answeredByThePage = ['/api/tuner', '/api/cache/purge']

/** A page that has failed if the browser complained about anything. */
async function openPage(t: Test, browser: Browser, options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
  const page = await browser.newPage(options)
  page.setDefaultTimeout(10_000)
  t.teardown(() => page.close())
  page.on('pageerror', error => t.fail(error.message))
  page.on('console', message => {
    const isAnswered = answeredByThePage.some(path => message.location().url.endsWith(path))
    if (message.type() === 'error' && !isAnswered) t.fail(`${message.text()} ${message.location().url}`)
  })
  return page
}

const heading = (page: Page): Promise<string> => page.locator('h1').innerText()

t.test('In a browser', { skip, timeout: 200_000 }, async t => {
  const gateway = await gatewayWithTraffic(t)
  const { adminUrl } = gateway
  const browser = await launchBrowser()
  t.teardown(() => browser.close())

  await t.test('every page opens from the navigation, by keyboard alone', async t => {
    const page = await openPage(t, browser)
    await page.goto(adminUrl)
    for (const name of PAGES) {
      await page.locator(`nav a[data-page=${name}]`).focus()
      await page.keyboard.press('Enter')
      await page.waitForURL(`**/#/${name}`)
      await shown(page, name)
      t.ok((await heading(page)).length > 3, name)
      t.equal(await page.locator('nav a[aria-current]').count(), 1)
    }
  })

  await t.test('nothing is loaded from elsewhere', async t => {
    const page = await openPage(t, browser)
    const foreign: string[] = []
    page.on('request', request => {
      if (!request.url().startsWith(adminUrl)) foreign.push(request.url())
    })
    await page.goto(`${adminUrl}/#/overview`)
    await page.locator('#link.live').waitFor()
    t.strictSame(foreign, [])
  })

  await t.test('the numbers of the overview move with the traffic', async t => {
    const page = await openPage(t, browser)
    await page.goto(adminUrl)
    await page.locator('#link.live').waitFor()
    const avoided = page.locator('[data-value=avoided]')
    const before = Number(await avoided.innerText())
    await visit(gateway, ['/wiki/page', '/wiki/page', '/wiki/page'])
    await eventually(async () => Number(await avoided.innerText()) >= before + 3)
    t.equal(await page.locator('.chart canvas').count(), 4)
    await page.getByText('wiki', { exact: true }).first().waitFor()
  })

  await t.test('the last day and the last week are told in plain words', async t => {
    const page = await openPage(t, browser)
    await page.goto(adminUrl)
    await page.getByText('gone failed in 1 of 1 requests').waitFor()
    const week = page.getByRole('button', { name: 'Last 7 days' })
    await week.focus()
    const asked = page.waitForResponse(response => response.url().endsWith('/api/report?since=7d'))
    await page.keyboard.press('Enter')
    t.equal((await asked).status(), 200)
    t.equal(await week.getAttribute('aria-pressed'), 'true')
    t.match(await page.locator('[data-summary]').innerText(), /The cache answered \d+ requests/)
  })

  await t.test('a purge forgets what it names, and says so', async t => {
    const page = await openPage(t, browser)
    await page.goto(`${adminUrl}/#/cache`)
    await page.getByText('/wiki/page').first().waitFor()
    await page.locator('select[name=kind]').selectOption('route')
    await page.locator('input[name=value]').fill('wiki')
    await page.getByRole('button', { name: 'Purge' }).click()
    await page.getByText('1 answer forgotten').waitFor()
    await page.locator('input[name=value]').fill('nobody')
    await page.getByRole('button', { name: 'Purge' }).click()
    const said = page.getByText('there is no route')
    await said.waitFor()
    t.match(await said.innerText(), '"nobody"')
  })

  await t.test('a request is found by a filter, and tells its why without its secret', async t => {
    const page = await openPage(t, browser)
    await page.goto(`${adminUrl}/#/requests`)
    await page.locator('input[name=text]').fill('/gone')
    const rows = page.locator('tbody tr')
    await eventually(async () => (await rows.count()) === 1)
    t.match(await rows.first().innerText(), /502/)
    await page.getByRole('button', { name: 'Why?' }).click()
    const dialog = page.locator('dialog[open]')
    await dialog.getByText('Why 502?').waitFor()
    t.match(await dialog.innerText(), /upstream refused/)
    await page.keyboard.press('Escape')
    await eventually(async () => (await dialog.count()) === 0)
    await page.locator('input[name=text]').fill('/closed')
    await page.getByText('token=***').waitFor()
    t.notMatch(await page.content(), 'hunter2')
  })

  await t.test('a list goes on by itself, and stands still while it is paused', async t => {
    const page = await openPage(t, browser)
    await page.goto(`${adminUrl}/#/requests`)
    await visit(gateway, ['/nowhere/new'])
    await page.getByText('/nowhere/new').first().waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    t.equal(await page.getByRole('button', { name: 'Go on' }).getAttribute('aria-pressed'), 'true')
  })

  await t.test('what the tuner did is told with its time, its reason and its outcome', async t => {
    const page = await openPage(t, browser)
    for (let i = 0; i < 60; i++) await visit(gateway, [`/wiki/page?${i}`])
    await page.goto(`${adminUrl}/#/tuner`)
    const row = page.locator('tr', { hasText: 'wiki queueTimeoutMs' })
    await row.waitFor()
    const told = await row.innerText()
    t.match(told, /\d{4}.*wiki queueTimeoutMs \d+ → \d+.*an answer takes .* ms.*samples \d+.*expected: .*\bset\b/s)
  })

  await t.test('what the tuner would change is told with its reason, and a button applies it', async t => {
    const page = await openPage(t, browser)
    for (let i = 0; i < 60; i++) await visit(gateway, [`/photos/${i}`])
    await page.goto(`${adminUrl}/#/tuner`)
    const button = page.getByRole('button', { name: 'Apply admission.queue_timeout of photos' })
    const row = page.locator('tr', { has: button })
    await row.waitFor()
    t.match(await row.innerText(), /10 s.*an answer takes .* ms.*expected: .*this knob is only suggested/s)
    const valueNow = async () => (await knobOf(adminUrl, 'photos', 'admission.queue_timeout')).value
    t.equal(await valueNow(), 10_000, 'looking changes nothing')
    await button.focus()
    await page.keyboard.press('Enter')
    await page.getByText('apply: 1 knob moved').waitFor()
    await eventually(async () => (await row.count()) === 0)
    t.ok((await valueNow()) < 10_000)
    await page.getByRole('button', { name: 'Back to the last known good' }).click()
    await page.getByText(/rollback: \d+ knobs? moved/).waitFor()
    t.equal(await valueNow(), 10_000)
    await page.getByRole('button', { name: 'Freeze' }).click()
    await page.getByRole('button', { name: 'Frozen: let it go on' }).click()
    await page.getByText('freeze: 0 knobs moved').waitFor()
  })

  await t.test('the knobs of a route are drawn below its latency, for as long as they move', async t => {
    const page = await openPage(t, browser)
    await page.goto(`${adminUrl}/#/tuner`)
    await page.locator('select[name=timeline]').selectOption('photos')
    await page.getByText(/dashed line is a decision/).waitFor()
    const drawn = (name: string) => page.getByRole('img', { name }).locator('canvas')
    await drawn('Time to the first byte of the origin').waitFor()
    const { value } = await knobOf(adminUrl, 'photos', 'admission.max_concurrency')
    await order(adminUrl, { action: 'pin', scope: 'photos', name: 'admission.max_concurrency', value: value + 3 })
    for (let i = 0; i < 20; i++) {
      await visit(gateway, [`/photos/moved/${i}`])
      await new Promise(resolve => setTimeout(resolve, 500))
    }
    await drawn('admission.max_concurrency of photos').waitFor({ timeout: 60_000 })
    t.match(await page.locator('.chart.low + .legend').innerText(), `admission.max_concurrency ${value + 3}`)
    await page.locator('select[name=timeline]').selectOption('gone')
    await page.getByText('No answer came from its origin').waitFor()
    t.equal(await page.locator('.chart.low').count(), 0)
  })

  await t.test('nothing is wider than a phone', async t => {
    const page = await openPage(t, browser, { viewport: PHONE })
    for (const name of PAGES) {
      await page.goto(`${adminUrl}/#/${name}`)
      await page.locator('h1').waitFor()
      await page.waitForLoadState('networkidle').catch(() => {})
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      t.ok(beyond <= 0, `${name} is ${beyond} px too wide`)
    }
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    await t.test(`axe finds nothing in ${colorScheme}`, async t => {
      const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
      const page = await openPage(t, browser, { colorScheme })
      for (const name of PAGES) {
        await page.goto(`${adminUrl}/#/${name}`)
        await shown(page, name)
        t.strictSame(await violations(page, axe), [], name)
      }
      await page.goto(`${adminUrl}/#/requests`)
      await page.getByRole('button', { name: 'Why?' }).first().click()
      await page.locator('dialog[open]').waitFor()
      t.strictSame(await violations(page, axe), [], 'the why of a request')
    })
  }
})

t.test('In a browser, where a token is needed', { skip, timeout: 200_000 }, async t => {
  const token = 'a-token-of-the-test:with-a-colon'
  const { adminUrl } = await startGateway(
    t,
    `${base.replace('port: 0 }\nlog', `port: 0, token: "${token}" }\nlog`)}routes: []\n`,
  )
  const browser = await launchBrowser()
  t.teardown(() => browser.close())
  const open = async (password: string) => {
    const context = await browser.newContext({ httpCredentials: { username: 'anybody', password } })
    const page = await context.newPage()
    return { page, response: await page.goto(adminUrl) }
  }
  const asked = (await fetch(adminUrl)).headers.get('www-authenticate')
  t.match(asked, /^Basic realm=".*", Bearer$/, 'a browser asks for it')
  t.equal((await open('wrong')).response?.status(), 401)
  const { page, response } = await open(token)
  t.equal(response?.status(), 200)
  await page.locator('#link.live').waitFor()
  await page.goto(`${adminUrl}/#/cache`)
  await page.locator('select[name=kind]').selectOption('all')
  await page.getByRole('button', { name: 'Purge' }).click()
  await page.getByText('0 answers forgotten').waitFor()
})

async function knobOf(adminUrl: string, scope: string, name: string): Promise<{ value: number }> {
  const { knobs } = (await (await fetch(`${adminUrl}/api/tuner`)).json()) as { knobs: KnobStatus[] }
  const found = knobs.find(each => each.scope === scope && each.name === name)
  if (found === undefined) throw new Error(`no ${name} of ${scope}`)
  return found
}

async function order(adminUrl: string, body: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json', 'x-hearthgate': '1' }
  const { ok } = await fetch(`${adminUrl}/api/tuner`, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!ok) throw new Error('the order was refused')
}

/** The address changes a moment before the page does, and what stands there meanwhile is the page before. */
async function shown(page: Page, name: string): Promise<void> {
  await page.locator(`nav a[data-page=${name}][aria-current]`).waitFor()
  await page.locator('h1').waitFor()
}

/** The library comes in as code of the debugger: the page's own policy lets no foreign script in. */
async function violations(page: Page, axe: string): Promise<unknown> {
  await page.evaluate(axe)
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }
    const { violations } = await axe.run()
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
  })
}

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string }[]
}
