// Radicale: calendars by WebDAV's methods, changed under strong entity tags, of two people who may not see each other's.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HomeApp, Room } from './app.ts'
import { findCommand } from './processes.ts'
import { answers } from './wait.ts'
import { type Answer, type Door, type Message, send } from './wire.ts'

const JOE = 'joe:first'
const ANN = 'ann:second'

export const radicale: HomeApp = {
  name: 'radicale',
  title: 'Radicale',
  packages: {},
  commands: ['radicale'],
  benign: [],

  async start({ state, logFile, port, programs }: Room) {
    const users = join(state, 'users')
    writeFileSync(users, `${JOE}\n${ANN}\n`)
    const data = join(state, 'data')
    mkdirSync(data)
    const config = join(state, 'config')
    const auth = `[auth]\ntype = htpasswd\nhtpasswd_filename = ${users}\nhtpasswd_encryption = plain\ndelay = 0\n`
    writeFileSync(config, `[server]\nhosts = 127.0.0.1:${port}\n${auth}[storage]\nfilesystem_folder = ${data}\n`)
    const command = findCommand('radicale') ?? 'radicale'
    await programs.startReady({ name: 'Radicale', command, args: ['-C', config], logFile }, () => answers(port, '/'))
  },

  async ready(page) {
    await page.locator('input[data-name="user"]').waitFor()
    await page.waitForLoadState('networkidle')
  },

  async checks(t, visit) {
    const { door } = visit
    const calendar = `/joe/${door.name}/`
    const at = `${calendar}one.ics`
    const joe = (method: string, path: string, more: Omit<Message, 'method' | 'path'> = {}) =>
      ask(door, JOE, { method, path, ...more })

    await t.test('a person logs in on the page', async () => {
      const { page } = await visit.openFrontPage()
      await page.fill('input[data-name="user"]', 'joe')
      await page.fill('input[data-name="password"]', 'first')
      await page.getByRole('button', { name: 'Next' }).click()
      await page.getByText('Create new addressbook or calendar').first().waitFor()
      await visit.shot(page, 'collections')
    })

    await t.test('an event is written, changed under its tag, found and moved', async t => {
      t.equal((await joe('MKCALENDAR', calendar)).status, 201)
      const write = { 'content-type': 'text/calendar', 'if-none-match': '*' }
      t.equal((await joe('PUT', at, { headers: write, body: event('first') })).status, 201)
      const read = await joe('GET', at, { headers: { 'accept-encoding': 'gzip' } })
      const tag = String(read.headers['etag'])
      const change = { 'content-type': 'text/calendar', 'if-match': tag }
      t.equal(
        (await joe('PUT', at, { headers: change, body: event('second') })).status,
        201,
        'the tag is the current one',
      )
      t.equal((await joe('PUT', at, { headers: change, body: event('third') })).status, 412, 'the tag is an old one')
      t.match((await joe('GET', at)).body.toString(), 'SUMMARY:second')
      const found = await joe('REPORT', calendar, { headers: { depth: '1' }, body: QUERY })
      t.equal(found.status, 207)
      t.match(found.body.toString(), 'SUMMARY:second')
      const destination = `${door.origin}${calendar}two.ics`
      t.equal((await joe('MOVE', at, { headers: { destination } })).status, 201)
      t.equal((await joe('GET', at)).status, 404)
    })

    await t.test('another person and nobody see nothing of it', async t => {
      const there = `${calendar}two.ics`
      t.equal((await joe('GET', there)).status, 200)
      t.equal((await ask(door, ANN, { path: there })).status, 403)
      t.equal((await send(door, { path: there })).status, 401)
    })
  },
}

function ask(door: Door, who: string, message: Message): Promise<Answer> {
  const authorization = `Basic ${Buffer.from(who).toString('base64')}`
  return send(door, { ...message, headers: { ...message.headers, authorization } })
}

function event(summary: string): string {
  const times = 'DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z'
  const lines = `UID:one\r\n${times}\r\nSUMMARY:${summary}\r\nDESCRIPTION:${'x'.repeat(3_000)}`
  return `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\n${lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`
}

const QUERY =
  '<c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:prop><d:getetag/><c:calendar-data/>' +
  '</d:prop><c:filter><c:comp-filter name="VCALENDAR"/></c:filter></c:calendar-query>'
