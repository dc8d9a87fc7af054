// qBittorrent: logs in by a cookie, refuses a Host with another port than its own and an Origin that is not its own, and
// polls for the state of its torrents.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { freePorts } from '../support/free-ports.ts'
import type { HomeApp, Room } from './app.ts'
import { findCommand } from './processes.ts'
import { answers } from './wait.ts'
import { send } from './wire.ts'

export const qbittorrent: HomeApp = {
  name: 'qbittorrent',
  title: 'qBittorrent',
  packages: {},
  commands: ['qbittorrent-nox'],
  refusesBare: 'it refuses a Host whose port is not its own, which headers.host of its preset sees to',
  benign: [],

  async start({ state, logFile, port, programs }: Room) {
    const [peerPort = 0] = await freePorts(1)
    const folder = join(state, 'qBittorrent', 'config')
    mkdirSync(folder, { recursive: true })
    const settings = [
      '[BitTorrent]',
      'Session\\DHTEnabled=false',
      'Session\\LSDEnabled=false',
      'Session\\PeXEnabled=false',
      `Session\\Port=${peerPort}`,
      'Session\\Interface=lo',
      '[LegalNotice]',
      'Accepted=true',
      '[Preferences]',
      'WebUI\\Address=127.0.0.1',
      `WebUI\\Port=${port}`,
      'WebUI\\UseUPnP=false',
      'WebUI\\MaxAuthenticationFailCount=100',
    ]
    writeFileSync(join(folder, 'qBittorrent.conf'), `${settings.join('\n')}\n`)
    const command = findCommand('qbittorrent-nox') ?? 'qbittorrent-nox'
    const program = { name: 'qBittorrent', command, args: [`--profile=${state}`], logFile }
    await programs.startReady(program, () => answers(port, '/'))
  },

  async ready(page) {
    await page.locator('#username').waitFor()
    await page.waitForLoadState('networkidle')
  },

  async checks(t, visit) {
    const { door } = visit
    const { page } = await visit.openFrontPage()

    await t.test('who logs in by the form gets the list, and a torrent that is added comes into it', async t => {
      await page.fill('#username', 'admin')
      await page.fill('#password', 'adminadmin')
      await page.locator('#login, #loginButton').first().click()
      await page.locator('#torrentsTableDiv').waitFor()
      const hash = Buffer.from(`torrent of ${door.name}`.padEnd(20)).toString('hex')
      t.same(await add(page, `magnet:?xt=urn:btih:${hash}&dn=home+${door.name}`), [200, 'Ok.'])
      await page.getByText(`home ${door.name}`).first().waitFor()
      await visit.shot(page, 'listed')
    })

    await t.test('what belongs to who has logged in is told to nobody else', async t => {
      t.equal((await send(door, { path: '/api/v2/torrents/info' })).status, 403)
    })
  },
}

function add(page: Page, address: string): Promise<[number, string]> {
  return page.evaluate(async address => {
    const form = new FormData()
    form.append('urls', address)
    form.append('paused', 'true')
    const answer = await fetch('/api/v2/torrents/add', { method: 'POST', body: form })
    return [answer.status, await answer.text()]
  }, address)
}
