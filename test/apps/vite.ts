// Vite's development server: modules that are made as they are asked for, and a websocket with a protocol name of its
// own that swaps them in the open page.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HomeApp, Room } from './app.ts'
import { noFavicon } from './app.ts'
import { node } from './processes.ts'
import { answers, eventually } from './wait.ts'
import { handshake } from './wire.ts'

const SWAP_MS = 10_000
const text = (word: string) => `export const text = ${JSON.stringify(word)}\n`
const MAIN = `import { text } from './text.js'
const show = text => { document.querySelector('#text').textContent = text }
show(text)
import.meta.hot.accept('./text.js', module => show(module.text))
`
const PAGE = `<!DOCTYPE html><title>Home</title><link rel="stylesheet" href="/look.css"><p id="text"></p>
<script type="module" src="/main.js"></script>`

/** The module that the checks write anew. */
let written = ''

export const vite: HomeApp = {
  name: 'vite',
  title: 'Vite',
  packages: { vite: '8.3.8' },
  preset: null,
  benign: noFavicon,
  // Its client is made with the token of the start; what was written anew is asked for with its time.
  live: /^\/(?:@vite\/|text\.js\?)/,

  async start({ folder, state, logFile, port, programs }: Room) {
    written = join(state, 'text.js')
    writeFileSync(join(state, 'index.html'), PAGE)
    writeFileSync(join(state, 'main.js'), MAIN)
    writeFileSync(join(state, 'look.css'), 'p { color: teal }\n')
    writeFileSync(written, text('first'))
    const command = join(folder, 'node_modules', 'vite', 'bin', 'vite.js')
    const args = [
      command,
      state,
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--strictPort',
      '--clearScreen',
      'false',
    ]
    await programs.startReady({ name: 'Vite', command: node, args, logFile }, () => answers(port, '/'))
  },

  async ready(page) {
    await page.getByText('first').waitFor()
    await page.waitForLoadState('networkidle')
  },

  async checks(t, visit) {
    const { page, diary } = await visit.openFrontPage()

    await t.test('a module that is written anew is swapped in the open page', async t => {
      const word = `over ${visit.door.name}`
      writeFileSync(written, text(word))
      const isShown = async () => (await page.locator('#text').textContent()) === word
      t.ok(await eventually(isShown, SWAP_MS))
      t.equal(diary.sockets.length, 1, 'the same socket told of it')
      writeFileSync(written, text('first'))
      t.ok(await eventually(async () => (await page.locator('#text').textContent()) === 'first', SWAP_MS))
    })

    await t.test('a socket without the token of the page is refused', async t => {
      const fields = { origin: 'http://elsewhere.test', 'sec-websocket-protocol': 'vite-hmr' }
      t.not(await handshake(visit.door, '/', fields), 101)
    })
  },
}
