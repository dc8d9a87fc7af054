// Jupyter Notebook: a kernel that is driven over a websocket, and notebooks that are saved by PUT with a token against
// forged requests in a cookie and a field.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { HomeApp, Room, Visit } from './app.ts'
import { findCommand } from './processes.ts'
import { answers } from './wait.ts'
import { send } from './wire.ts'

const KERNEL_MS = 20_000
const PRINTED = 200_000

export const jupyter: HomeApp = {
  name: 'jupyter',
  title: 'Jupyter Notebook',
  packages: {},
  commands: ['jupyter-notebook'],
  preset: null,
  benign: [],
  // The token of the visitor, and when the server and its kernels were last used.
  moving: [/_xsrf=[\w|]+/gu, /"last_activity": ?"[^"]*"/gu],

  async start({ state, logFile, port, programs }: Room) {
    const notes = join(state, 'notes')
    mkdirSync(notes)
    const server = ['--no-browser', '--allow-root', '--ip=127.0.0.1', `--port=${port}`, '--port-retries=0']
    const open = ['--NotebookApp.token=', '--NotebookApp.password=', '--NotebookApp.allow_remote_access=True']
    const config = [`--config=${join(state, 'none.py')}`, `--notebook-dir=${notes}`]
    const command = findCommand('jupyter-notebook') ?? 'jupyter-notebook'
    const program = { name: 'Jupyter Notebook', command, args: [...server, ...open, ...config], logFile }
    await programs.startReady(program, () => answers(port, '/api'))
  },

  async ready(page) {
    await page.locator('#notebook_list').waitFor()
    await page.waitForLoadState('networkidle')
  },

  async checks(t, visit) {
    const { page } = await visit.openFrontPage()

    await t.test('a kernel answers over its websocket', async t => {
      const told = await calculate(page)
      t.equal(told.printed, PRINTED, 'all that it prints comes as frames')
      t.equal(told.result, '42', 'and its result')
    })

    await t.test('a file of 5 MB is saved by PUT and comes back', async t => {
      const name = `${visit.door.name}.txt`
      t.match(await save(page, name), [201, 'the same text'])
      const { status, body } = await send(visit.door, {
        path: `/files/${name}`,
        headers: { referer: `${visit.door.origin}/tree` },
      })
      t.equal(status, 200)
      t.equal(body.length, 5_000_000, 'to a plain client as well')
    })

    await t.test('a write without the token is refused', async t => {
      t.equal(await writeWithoutToken(visit), 403)
    })
  },
}

async function writeWithoutToken({ door }: Visit): Promise<number> {
  const headers = { 'content-type': 'application/json' }
  return (await send(door, { method: 'PUT', path: '/api/contents/x.txt', headers, body: '{}' })).status
}

/** Starts a kernel, has it print and calculate, and ends it. */
function calculate(page: Page): Promise<{ printed: number; result: string | undefined }> {
  const work = async ({ limitMs, code }: { limitMs: number; code: string }) => {
    const token = /_xsrf=([^;]+)/.exec(document.cookie)?.[1] ?? ''
    const headers = { 'content-type': 'application/json', 'X-XSRFToken': token }
    const started = await fetch('/api/kernels', { method: 'POST', headers, body: '{}' })
    const { id } = (await started.json()) as { id: string }
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/api/kernels/${id}/channels`)
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = () => reject(new Error('the websocket was refused'))
    })
    let printed = 0
    let result: string | undefined
    const header = { msg_id: 'one', username: 'joe', session: 's', msg_type: 'execute_request', version: '5.3' }
    const content = { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false }
    await new Promise<void>(resolve => {
      setTimeout(resolve, limitMs)
      socket.onmessage = ({ data }) => {
        const { msg_type, content } = JSON.parse(data) as {
          msg_type: string
          content: { text?: string; data?: Record<string, string> }
        }
        if (msg_type === 'stream') printed += content.text?.length ?? 0
        if (msg_type !== 'execute_result') return
        result = content.data?.['text/plain']
        resolve()
      }
      socket.send(JSON.stringify({ header, parent_header: {}, metadata: {}, content, channel: 'shell' }))
    })
    socket.close()
    await fetch(`/api/kernels/${id}`, { method: 'DELETE', headers })
    return { printed, result }
  }
  return page.evaluate(work, { limitMs: KERNEL_MS, code: `print('a' * ${PRINTED}, end=''); 6 * 7` })
}

function save(page: Page, name: string): Promise<[number, string]> {
  return page.evaluate(async name => {
    const token = /_xsrf=([^;]+)/.exec(document.cookie)?.[1] ?? ''
    const headers = { 'content-type': 'application/json', 'X-XSRFToken': token }
    const content = 'z'.repeat(5_000_000)
    const body = JSON.stringify({ type: 'file', format: 'text', content })
    const { status } = await fetch(`/api/contents/${name}`, { method: 'PUT', headers, body })
    const read = await (await fetch(`/files/${name}`)).text()
    return [status, read === content ? 'the same text' : `${read.length} characters`]
  }, name)
}
