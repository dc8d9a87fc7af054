// Flood over Transmission: a page that lives on server-sent events. The first one must come at once and the stream
// must stay open; answers are zstd when asked.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { freePorts } from '../support/free-ports.ts'
import type { HomeApp, Room } from './app.ts'
import { findCommand, node } from './processes.ts'
import { answers } from './wait.ts'
import { type Door, open, send, sendJson } from './wire.ts'

const STREAM = '/api/activity-stream?historySnapshot=FIVE_MINUTE'
const FIRST_EVENT_MS = 1_000
const OPEN_MS = 10_000

export const flood: HomeApp = {
  name: 'flood',
  title: 'Flood',
  packages: { flood: '4.16.2' },
  commands: ['transmission-daemon'],
  benign: [],

  async start({ folder, state, logFile, port, programs }: Room) {
    const rpc = await startTransmission(state, programs)
    const script = join(folder, 'node_modules', 'flood', 'dist', 'index.js')
    const server = ['--host', '127.0.0.1', '-p', String(port), '-d', join(state, 'flood'), '--auth', 'none']
    const args = [script, ...server, '--trurl', rpc, '--truser', '', '--trpass', '']
    await programs.startReady({ name: 'Flood', command: node, args, logFile }, () => answers(port, '/'))
  },

  async ready(page) {
    await page.locator('.torrents').first().waitFor()
    await page.locator('.application__loading-overlay').waitFor({ state: 'detached' })
    await page.waitForFunction(() => document.fonts.status === 'loaded')
  },

  async checks(t, visit) {
    const { door } = visit
    const { page } = await visit.openFrontPage()
    const cookie = await signIn(door)

    await t.test('the event stream gives its first event within a second and stays open', async t => {
      const [plain, inPage] = await Promise.all([watchStream(door, cookie), watchInPage(page)])
      t.match(plain.type, 'text/event-stream')
      t.ok(plain.firstMs < FIRST_EVENT_MS, `the first bytes came after ${Math.round(plain.firstMs)} ms`)
      t.notOk(plain.ended, `a plain client still listens after ${OPEN_MS} ms`)
      t.ok(inPage.firstMs < FIRST_EVENT_MS, `the page's first event came after ${Math.round(inPage.firstMs)} ms`)
      t.ok(inPage.events > 1, `${inPage.events} events in all`)
      t.equal(inPage.state, 1, 'the EventSource of the page is still open')
    })

    await t.test('a torrent added by POST appears in the open page, and in the list of a new one', async t => {
      const name = `home video ${door.name}.bin`
      const files = [torrent(name).toString('base64')]
      const added = await sendJson(door, 'POST', '/api/torrents/add-files', {
        value: { files, start: false },
        headers: { cookie },
      })
      t.equal(added.status, 200, added.body.toString().slice(0, 200))
      await page.getByText(name).first().waitFor()
      const second = await visit.openFrontPage()
      await second.page.getByText(name).first().waitFor()
      await visit.shot(second.page, 'listed')
    })
  },
}

/** Starts a Transmission that talks to nobody; returns the address of its RPC. */
export async function startTransmission(
  state: string,
  programs: Room['programs'],
  { port, checksName = false }: { port?: number; checksName?: boolean } = {},
): Promise<string> {
  const [freePort = 0, peerPort = 0] = await freePorts(2)
  const rpcPort = port ?? freePort
  const home = join(state, 'transmission')
  mkdirSync(home)
  const settings = {
    'rpc-port': rpcPort,
    'rpc-bind-address': '127.0.0.1',
    'rpc-whitelist-enabled': false,
    'rpc-host-whitelist-enabled': checksName,
    'bind-address-ipv4': '127.0.0.1',
    'peer-port': peerPort,
    'dht-enabled': false,
    'lpd-enabled': false,
    'pex-enabled': false,
    'utp-enabled': false,
    'port-forwarding-enabled': false,
    'download-dir': join(state, 'downloads'),
  }
  writeFileSync(join(home, 'settings.json'), JSON.stringify(settings))
  const command = findCommand('transmission-daemon') ?? 'transmission-daemon'
  const logFile = join(state, 'transmission.log')
  const program = { name: 'Transmission', command, args: ['-f', '-g', home], logFile }
  await programs.startReady(program, () => answers(rpcPort, '/transmission/rpc'))
  return `http://127.0.0.1:${rpcPort}/transmission/rpc`
}

/** The session cookie that Flood gives to everybody when it asks for no password. */
async function signIn(door: Door): Promise<string> {
  const { headers } = await send(door, { path: '/api/auth/verify' })
  return [headers['set-cookie'] ?? []]
    .flat()
    .map(line => line.split(';', 1)[0])
    .join('; ')
}

async function watchStream(door: Door, cookie: string) {
  const start = performance.now()
  const answer = await open(door, { path: STREAM, headers: { accept: 'text/event-stream', cookie } })
  let firstMs = Number.POSITIVE_INFINITY
  answer.stream.once('data', () => {
    firstMs = performance.now() - start
  })
  const ended = await new Promise<boolean>(resolve => {
    const timer = setTimeout(() => resolve(false), OPEN_MS)
    for (const event of ['end', 'error', 'close']) {
      answer.stream.once(event, () => {
        clearTimeout(timer)
        resolve(true)
      })
    }
  })
  answer.close()
  return { type: String(answer.headers['content-type']), firstMs, ended }
}

/** The same from inside the page: when the first event came, how many there were, and the state at the end. */
function watchInPage(page: Page): Promise<{ firstMs: number; events: number; state: number }> {
  const watch = async ({ path, openMs }: { path: string; openMs: number }) => {
    const start = performance.now()
    const source = new EventSource(path)
    const times: number[] = []
    const kinds = ['CLIENT_CONNECTIVITY_STATUS_CHANGE', 'TORRENT_LIST_FULL_UPDATE', 'TRANSFER_SUMMARY_FULL_UPDATE']
    for (const kind of [...kinds, 'message']) source.addEventListener(kind, () => times.push(performance.now() - start))
    await new Promise(resolve => setTimeout(resolve, openMs))
    return { firstMs: times[0] ?? Number.POSITIVE_INFINITY, events: times.length, state: source.readyState }
  }
  return page.evaluate(watch, { path: STREAM, openMs: OPEN_MS })
}

/** A torrent of one small file that no tracker knows, bencoded. */
function torrent(name: string): Buffer {
  const text = (value: string) => `${Buffer.byteLength(value)}:${value}`
  const pieces = '01234567890123456789'
  const info = `d${text('length')}i1024e${text('name')}${text(name)}${text('piece length')}i16384e${text('pieces')}${text(pieces)}e`
  return Buffer.from(`d${text('info')}${info}e`)
}
