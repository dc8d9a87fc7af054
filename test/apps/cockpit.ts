// Cockpit: the whole page lives on one websocket, whose Origin must be the public address, with the scheme that the
// gateway says; its policies for the page name that address as well.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HomeApp, Room } from './app.ts'
import { findCommand } from './processes.ts'
import { answers, eventually } from './wait.ts'
import { handshake, open } from './wire.ts'

const SERVER = '/usr/lib/cockpit/cockpit-ws'
const SOCKET_MS = 15_000
const QUIET_MS = 4_000

export const cockpit: HomeApp = {
  name: 'cockpit',
  title: 'Cockpit',
  packages: {},
  commands: ['cockpit-bridge', SERVER, '/usr/share/cockpit/systemd/manifest.json'],
  debian: ['cockpit-ws', 'cockpit-system'],
  preset: null,
  benign: [],
  // Its frames come and go, and Chromium forgets the fonts of those that have gone.
  live: /\.woff2$/,
  // A session of its own for each visitor: the name of its files, and what the shell asks of the machine.
  moving: [/"csrf-token":"[^"]*"/gu, /\$[0-9a-f]{64}/gu],

  async start({ state, logFile, port, programs }: Room) {
    mkdirSync(join(state, 'cockpit'))
    const said = ['ProtocolHeader = X-Forwarded-Proto', 'ForwardedForHeader = X-Forwarded-For', 'LoginTo = false']
    writeFileSync(join(state, 'cockpit', 'cockpit.conf'), `[WebService]\n${said.join('\n')}\n`)
    const server = [SERVER, '--no-tls', '--address=127.0.0.1', `--port=${port}`, '--local-session=cockpit-bridge']
    const program = {
      name: 'Cockpit',
      command: findCommand('env') ?? 'env',
      args: [`XDG_CONFIG_DIRS=${state}`, ...server],
      logFile,
    }
    await programs.startReady(program, () => answers(port, '/ping'))
  },

  async ready(page) {
    await page.locator('#content iframe').first().waitFor()
    await page.frameLocator('#content iframe').first().getByText('System information').first().waitFor()
    // Now and then one of its frames leaves a request open for good, without a gateway too.
    await page.waitForLoadState('networkidle', { timeout: QUIET_MS }).catch(() => {})
  },

  async checks(t, visit) {
    const { page, diary } = await visit.openFrontPage()

    await t.test('one socket carries what the page asks of the machine, both ways', async t => {
      const isBusy = () => diary.sockets.some(({ sent, received }) => sent.length > 20 && received.length > 20)
      t.ok(await eventually(isBusy, SOCKET_MS))
      await visit.shot(page, 'machine')
    })

    await t.test('a page of another site gets no socket', async t => {
      const headers = { origin: visit.door.origin.replace('cockpit.', 'other.'), 'sec-websocket-protocol': 'cockpit1' }
      t.equal(await handshake(visit.door, '/cockpit/socket', headers), 403)
    })

    await t.test('what the page may connect to is the socket at the public address', async t => {
      const answer = await open(visit.door, { path: '/', headers: { accept: 'text/html' } })
      answer.close()
      t.match(String(answer.headers['content-security-policy']), visit.door.origin.replace(/^http/, 'ws'))
    })
  },
}
