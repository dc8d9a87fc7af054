// noVNC behind websockify: a screen that is drawn from binary frames, pointed at by frames of the other direction, and
// seventy files of a page that no bundler has joined.
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../support/free-ports.ts'
import { type Benign, type HomeApp, noFavicon, type Room } from './app.ts'
import { findCommand } from './processes.ts'
import { answers, eventually } from './wait.ts'

const PAGE = '/usr/share/novnc'
/** Screens have numbers of their own; nobody counts up to this one. */
const FIRST_SCREEN = 6_000
const NO_VERSION = 'it asks for the file that names its version, which Debian leaves out'
const versionless: readonly Benign[] = [
  'answer 404 GET /package.json',
  'console /package.json: Failed to load resource: the server responded with a status of 404',
  // The reason phrase is in the message, and HTTP/2 has none.
  "console /app/ui.js: Couldn't fetch package.json: Error: 404 File not found",
  "console /app/ui.js: Couldn't fetch package.json: Error: 404 ",
].map(trouble => ({ trouble, reason: NO_VERSION }))

export const novnc: HomeApp = {
  name: 'novnc',
  title: 'noVNC',
  packages: {},
  commands: ['websockify', 'Xtigervnc', join(PAGE, 'vnc.html')],
  debian: ['novnc', 'tigervnc-standalone-server'],
  preset: null,
  benign: [...noFavicon, ...versionless],
  // It sends on at once, and Chromium forgets a page that is left.
  live: /^\/$/,

  async start({ state, logFile, port, programs }: Room) {
    const [screenPort = 0] = await freePorts(1)
    const where = [`:${FIRST_SCREEN + (screenPort % 1_000)}`, '-rfbport', String(screenPort), '-localhost']
    const args = [...where, '-SecurityTypes', 'None', '-geometry', '640x480']
    const screen = { command: findCommand('Xtigervnc') ?? 'Xtigervnc', args, logFile: join(state, 'screen.log') }
    programs.start({ name: 'a screen', ...screen })
    const folder = join(state, 'page')
    mkdirSync(folder)
    for (const name of readdirSync(PAGE)) symlinkSync(join(PAGE, name), join(folder, name))
    const address = '/vnc.html?autoconnect=true'
    writeFileSync(join(folder, 'index.html'), `<!DOCTYPE html><meta http-equiv="refresh" content="0; url=${address}">`)
    const server = { command: findCommand('websockify') ?? 'websockify', logFile }
    const between = ['--web', folder, `127.0.0.1:${port}`, `127.0.0.1:${screenPort}`]
    await programs.startReady({ name: 'websockify', ...server, args: between }, () => answers(port, '/vnc.html'))
  },

  async ready(page) {
    await page.locator('.noVNC_connected').waitFor()
    await page.locator('#noVNC_container canvas').waitFor()
    await page.waitForLoadState('networkidle')
  },

  async checks(t, visit) {
    const { page, diary } = await visit.openFrontPage()
    const [socket] = diary.sockets

    await t.test('the screen is drawn from frames of its own size', async t => {
      const canvas = page.locator('#noVNC_container canvas')
      const size = () => canvas.evaluate(({ width, height }: HTMLCanvasElement) => [width, height])
      t.ok(await eventually(async () => (await size())[0] === 640), `drawn with ${await size()}`)
      t.equal(socket?.path, '/websockify')
      t.ok((socket?.received.length ?? 0) > 3, `${socket?.received.length} frames came`)
    })

    await t.test('where the pointer is goes out as it moves', async t => {
      const before = socket?.sent.length ?? 0
      for (let i = 0; i < 10; i++) await page.mouse.move(400 + 10 * i, 300 + 10 * i)
      t.ok(await eventually(() => (socket?.sent.length ?? 0) > before + 3), `${before} frames before`)
      await visit.shot(page, 'screen')
    })
  },
}
