// What every app's page must do through every door: load without trouble, over the door's protocol, with the same
// resources as without a gateway, on a first and on a second visit; and decode to the same bytes in each encoding.
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { type HomeApp, unexpectedTroubles, type Visit } from './app.ts'
import { usedProtocols } from './browser.ts'
import { type Diary, digestOf, type Resource } from './diary.ts'
import { type Door, send } from './wire.ts'

const LATE_PARTS_MS = 10_000
const ENCODINGS = ['identity', 'gzip', 'br', 'zstd', 'gzip, deflate, br, zstd']

export type Resources = Readonly<Record<string, Resource>>

/**
 * The resources of the front page without a gateway. The page is opened twice before, because a first visitor changes
 * the state of some apps (a welcome tour seen, a list of open notes saved).
 */
export async function readReference(openVisit: () => Promise<Visit>): Promise<Resources> {
  for (let settling = 0; settling < 2; settling++) await readOnce(await openVisit())
  return readOnce(await openVisit())
}

async function readOnce(visit: Visit): Promise<Resources> {
  try {
    const { diary } = await visit.openFrontPage()
    return await diary.resources()
  } finally {
    await visit.context.close()
  }
}

/** Sub-tests of the front page through a door; `reference` and `direct` are what they are compared with. */
export async function checkPages(t: Test, app: HomeApp, visit: Visit, against: { reference: Resources; direct: Door }) {
  await t.test('the front page loads without console errors and failed requests', async t => {
    const { page, diary } = await visit.openFrontPage()
    await visit.shot(page, 'front')
    t.same(
      await awaited(diary, against.reference),
      against.reference,
      'each resource has the status and the bytes of direct access',
    )
    t.same(unexpectedTroubles(app, diary), [], 'nothing went wrong that does not without a gateway')
    const protocol = visit.door.certificate === undefined ? 'http/1.1' : 'h2'
    t.same(await usedProtocols(page), [protocol], `everything came over ${protocol}`)
    await page.close()
  })

  await t.test('a second visit, with a filled browser cache, shows the same', async t => {
    const { page, diary } = await visit.openFrontPage()
    const resources = await awaited(diary, against.reference)
    t.same(digests(resources), digests(against.reference), 'the bytes are those of direct access')
    t.same(unexpectedTroubles(app, diary), [], 'nothing went wrong that does not without a gateway')
    await page.close()
  })

  await t.test('the page decodes to the same bytes whatever encoding the client accepts', async t => {
    for (const encoding of ENCODINGS) {
      const direct = await frontPage(app, against.direct, 'identity')
      t.same(await frontPage(app, visit.door, encoding), direct, `accept-encoding: ${encoding}`)
    }
  })
}

/** Sub-test at the end of a visit: what its pages told while the app was at work. */
export async function checkTroubles(t: Test, app: HomeApp, { diaries }: Visit): Promise<void> {
  await t.test('no page had an error while the app was at work', async t => {
    t.not(diaries.length, 0, 'a page was open')
    t.same(
      diaries.flatMap(diary => unexpectedTroubles(app, diary)),
      [],
    )
  })
}

/** A page may be silent for longer than the browser calls idle, on a busy machine, before it asks for its last parts. */
async function awaited(diary: Diary, reference: Resources): Promise<Resources> {
  const deadline = Date.now() + LATE_PARTS_MS
  for (;;) {
    const resources = await diary.resources()
    if (Object.keys(reference).every(key => key in resources) || Date.now() > deadline) return resources
    await wait(100)
  }
}

/** Without the status: a second visit may see 200 or 304. */
function digests(resources: Resources): Record<string, string> {
  const entries = Object.entries(resources).filter(([key]) => key.startsWith('GET '))
  return Object.fromEntries(entries.map(([key, { digest }]) => [key, digest]))
}

async function frontPage(app: HomeApp, door: Door, encoding: string) {
  const headers = { accept: 'text/html', 'accept-encoding': encoding }
  const { status, headers: fields, body } = await send(door, { path: '/', headers })
  const digest = digestOf(body, { origin: door.origin, moving: app.moving ?? [] })
  return { status, type: fields['content-type'], digest }
}
