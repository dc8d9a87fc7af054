// Syncthing: a page of 80 files that lives on long polls, refuses names that it does not know, and wants a token of a
// cookie in a field of every call.
import type { Page } from 'playwright-core'
import type { HomeApp, Room } from './app.ts'
import { findCommand } from './processes.ts'
import { answers, eventually } from './wait.ts'
import { send } from './wire.ts'

const LAST_FILES = ['/assets/lang/lang-en.json', '/modal.html', '/themes.json']
const UPGRADE = '/rest/system/upgrade'
const NO_UPGRADE = 'it is told not to look for newer versions'

export const syncthing: HomeApp = {
  name: 'syncthing',
  title: 'Syncthing',
  packages: {},
  commands: ['syncthing'],
  // All but the first it loads by itself some time after the others, and its icon tells its state.
  live: /^\/(?:rest\/|syncthing\/|assets\/css\/dev\.css|assets\/img\/favicon)/,
  benign: [
    { trouble: `answer 503 GET ${UPGRADE}`, reason: NO_UPGRADE },
    {
      trouble: `console ${UPGRADE}: Failed to load resource: the server responded with a status of 503`,
      reason: NO_UPGRADE,
    },
  ],

  async start({ state, logFile, port, programs }: Room) {
    const command = findCommand('syncthing') ?? 'syncthing'
    const server = [`--home=${state}`, `--gui-address=127.0.0.1:${port}`, '--skip-port-probing', '--no-default-folder']
    const args = ['serve', '--no-browser', '--no-restart', '--no-upgrade', ...server]
    await programs.startReady({ name: 'Syncthing', command, args, logFile }, () => answers(port, '/rest/noauth/health'))
  },

  async ready(page) {
    await page.locator('.navbar').first().waitFor()
    await page.getByText('This Device').first().waitFor()
    // Its polls never let the network rest.
    const isLoaded = (names: readonly string[]) => {
      const entries = performance.getEntriesByType('resource')
      return names.every(name => entries.some(entry => entry.name.endsWith(name)))
    }
    await page.waitForFunction(isLoaded, LAST_FILES)
  },

  async checks(t, visit) {
    const { page } = await visit.openFrontPage()

    await t.test('a change is told by the long poll that waits for it', async t => {
      const told = await changeAndWait(page, `over ${visit.door.name}`)
      t.equal(told.written, 200)
      t.ok(told.events.includes('ConfigSaved'), `the poll tells ${told.events}`)
      t.ok(
        await eventually(async () => (await page.title()).includes(`over ${visit.door.name}`)),
        'the open page shows it',
      )
    })

    await t.test('a call without the token of the page is refused', async t => {
      t.equal((await send(visit.door, { path: '/rest/system/status' })).status, 403)
    })
  },
}

/** Names the device anew while a poll waits, as the page does: the token of the cookie in a field. */
function changeAndWait(page: Page, name: string): Promise<{ written: number; events: string[] }> {
  return page.evaluate(async name => {
    const [field = '', token = ''] = (/CSRF-Token-[^;]+/.exec(document.cookie)?.[0] ?? '').split('=')
    const headers = { [`X-${field}`]: token, 'content-type': 'application/json' }
    const json = async (path: string) => (await fetch(path, { headers })).json()
    const last = (await json('/rest/events?limit=1&timeout=1')) as { id: number }[]
    const { myID } = (await json('/rest/system/status')) as { myID: string }
    // It may have something else to tell first, as after its start.
    const poll = async (since: number, seen: string[]): Promise<string[]> => {
      const events = (await json(`/rest/events?since=${since}&timeout=15`)) as { id: number; type: string }[]
      const types = [...seen, ...events.map(({ type }) => type)]
      const isAll = events.length === 0 || types.length > 100 || types.includes('ConfigSaved')
      return isAll ? types : poll(events.at(-1)?.id ?? since, types)
    }
    const polled = poll(last.at(-1)?.id ?? 0, [])
    await new Promise(resolve => setTimeout(resolve, 300))
    const path = `/rest/config/devices/${myID}`
    const { status, text } = await fetch(path, { method: 'PATCH', headers, body: JSON.stringify({ name }) }).then(
      async answer => ({ status: answer.status, text: await answer.text() }),
    )
    if (text !== '') throw new Error(text)
    return { written: status, events: await polled }
  }, name)
}
