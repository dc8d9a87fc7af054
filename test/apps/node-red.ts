// Node-RED: a page of 80 files, a websocket that carries frames both ways, and flows of the user's own making that
// answer any method with any body.
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { HomeApp, Room, Visit } from './app.ts'
import type { SocketDiary } from './diary.ts'
import { node } from './processes.ts'
import { answers, eventually } from './wait.ts'
import { send } from './wire.ts'

const METHODS = ['post', 'put', 'patch', 'delete']
const TEXT = 'A home cloud says: äöü €, 家.\r\n'.repeat(10_000).slice(0, 200_000)

export const nodeRed: HomeApp = {
  name: 'node-red',
  title: 'Node-RED',
  packages: { 'node-red': '5.0.7' },
  benign: [
    {
      trouble: 'failed GET https://catalogue.nodered.org/catalogue.json: net::ERR_NAME_NOT_RESOLVED',
      reason: 'the list of add-ons is on the internet, where this browser may not go',
    },
    {
      trouble:
        'console https://catalogue.nodered.org/catalogue.json: Failed to load resource: net::ERR_NAME_NOT_RESOLVED',
      reason: 'the same request, told on the console',
    },
    {
      trouble: "exception: Cannot read properties of undefined (reading 'html') (at a (/red/red.min.js:97:139127))",
      reason:
        'its tips begin a second after the settings, whether or not the panel for them is there, which waits for ' +
        'keymap.json: without a gateway the same, three times in six, when that file takes 2.5 s',
    },
  ],

  async start({ folder, state, logFile, port, programs }: Room) {
    const script = join(folder, 'node_modules', 'node-red', 'red.js')
    const settings = ['-D', 'uiHost=127.0.0.1', '-D', 'telemetry.enabled=false']
    const args = [script, '-p', String(port), '-u', state, ...settings]
    await programs.startReady({ name: 'Node-RED', command: node, args, logFile }, () => answers(port, '/settings'))
  },

  async ready(page) {
    await page.locator('.red-ui-palette-node').first().waitFor()
    await page.locator('#red-ui-loading-progress').waitFor({ state: 'hidden' })
    await page.waitForLoadState('networkidle')
  },

  async checks(t, visit) {
    const { page, diary } = await visit.openFrontPage()
    const socket = (): SocketDiary | undefined => diary.sockets.find(({ path }) => path === '/comms')

    await t.test('the websocket /comms carries frames both ways', async t => {
      t.ok(await eventually(() => (socket()?.sent.length ?? 0) > 0), 'the editor sends its subscriptions')
      t.ok(await eventually(() => (socket()?.received.length ?? 0) > 0), 'the runtime sends its state')
    })

    await t.test('a deploy is announced on the websocket', async t => {
      const revision = await deploy(page, echoFlow(visit))
      const isAnnounced = (frame: string) => frame.includes('notification/runtime-deploy') && frame.includes(revision)
      t.match(revision, /^[0-9a-f]{16,}$/u, 'the deploy is accepted')
      t.ok(await eventually(() => socket()?.received.some(isAnnounced) ?? false), 'its revision comes as a frame')
      await visit.shot(page, 'deployed')
    })

    for (const method of METHODS) {
      await t.test(`a user's flow gives 200 kB of text back unchanged for ${method.toUpperCase()}`, async t => {
        const headers = { 'content-type': 'text/plain; charset=utf-8' }
        const message = { method: method.toUpperCase(), path: echoPath(visit), headers, body: TEXT }
        const { status, body } = await send(visit.door, message)
        t.equal(status, 200)
        t.ok(body.equals(Buffer.from(TEXT)), 'the bytes are the same')
      })
    }
  },
}

const echoPath = ({ door }: Visit): string => `/echo-over-${door.name}`

/** One `http in` node a method, all wired to one `http response` that gives the body back as text. */
function echoFlow(visit: Visit): object[] {
  const tab = { id: 'tab', type: 'tab', label: `Echo over ${visit.door.name}` }
  const inputs = METHODS.map((method, index) => {
    const place = { x: 160, y: 80 + 60 * index, z: tab.id }
    return { id: `in-${method}`, type: 'http in', method, url: echoPath(visit), wires: [['out']], ...place }
  })
  const headers = { 'content-type': 'text/plain; charset=utf-8' }
  return [tab, ...inputs, { id: 'out', type: 'http response', z: tab.id, x: 420, y: 160, headers, wires: [] }]
}

/** Deploys from inside the editor's page, as its own button does; returns the new revision. */
function deploy(page: Page, flows: object[]): Promise<string> {
  return page.evaluate(async body => {
    const headers = {
      'Content-Type': 'application/json',
      'Node-RED-API-Version': 'v2',
      'Node-RED-Deployment-Type': 'full',
    }
    const response = await fetch('/flows', { method: 'POST', headers, body: JSON.stringify({ flows: body }) })
    return response.ok ? ((await response.json()) as { rev: string }).rev : `status ${response.status}`
  }, flows)
}
