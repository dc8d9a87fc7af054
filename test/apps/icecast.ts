// Icecast: sound without an end, in answers of HTTP/1.0, from a source that sends without an end as well.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type HomeApp, noFavicon, type Room } from './app.ts'
import { findCommand } from './processes.ts'
import { answers, eventually } from './wait.ts'
import { type Door, open, send } from './wire.ts'

const FIRST_SOUND_MS = 1_500
const LISTEN_MS = 4_000
/** A second of it, roughly: frames of MPEG layer III with 128 kbit/s that hold nothing. */
const FRAME = Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x64]), Buffer.alloc(413)])
const SECOND = Buffer.concat(Array.from({ length: 38 }, () => FRAME))
const PASSWORD = 'hearth'

export const icecast: HomeApp = {
  name: 'icecast',
  title: 'Icecast',
  packages: {},
  commands: ['icecast2'],
  preset: null,
  benign: noFavicon,

  async start({ state, logFile, port, programs }: Room) {
    const logs = join(state, 'logs')
    mkdirSync(logs)
    // It gives up the rights of root, if that starts it.
    chmodSync(logs, 0o777)
    const config = join(state, 'icecast.xml')
    writeFileSync(config, configuration(port, logs))
    const command = findCommand('icecast2') ?? 'icecast2'
    await programs.startReady({ name: 'Icecast', command, args: ['-c', config], logFile }, () => answers(port, '/'))
  },

  async ready(page) {
    await page.getByText('Icecast2 Status').first().waitFor()
    await page.waitForLoadState('networkidle')
  },

  async checks(t, visit) {
    const { door } = visit
    const path = `/${door.name}.mp3`
    const source = startSource(door, path)

    await t.test('what a source sends is heard at once and without an end', async t => {
      try {
        const isOnAir = async () => (await send(door, { path: '/status-json.xsl' })).body.toString().includes(path)
        t.ok(await eventually(isOnAir, 5_000), 'it is on the air')
        const start = performance.now()
        const answer = await open(door, { path })
        let [bytes, firstMs, ended] = [0, Number.POSITIVE_INFINITY, false]
        answer.stream.on('data', piece => {
          if (bytes === 0) firstMs = performance.now() - start
          bytes += piece.length
        })
        for (const event of ['end', 'error']) answer.stream.once(event, () => (ended = true))
        await delay(LISTEN_MS)
        answer.close()
        t.equal(answer.status, 200)
        t.equal(answer.headers['content-type'], 'audio/mpeg')
        t.equal(answer.headers['content-encoding'], undefined)
        t.ok(firstMs < FIRST_SOUND_MS, `the first sound came after ${Math.round(firstMs)} ms`)
        t.ok(bytes > SECOND.length, `${bytes} bytes in all`)
        t.notOk(ended, 'and it goes on')
      } finally {
        source.destroy()
      }
    })

    await t.test('the page shows what there is now, not what there was', async () => {
      const { page } = await visit.openFrontPage()
      await visit.shot(page, 'status')
    })
  },
}

/** Sends a second of sound each second, over HTTP/1.1, as sources do. */
function startSource({ origin, certificate }: Door, path: string): { destroy(): void } {
  const { host, hostname, port } = new URL(origin)
  const authorization = `Basic ${Buffer.from(`source:${PASSWORD}`).toString('base64')}`
  const headers = { host, authorization, 'content-type': 'audio/mpeg', 'ice-public': '0' }
  const asked = { host: '127.0.0.1', port, method: 'PUT', path, headers, agent: false }
  const request =
    certificate === undefined ? http.request(asked) : https.request({ ...asked, servername: hostname, ca: certificate })
  request.on('error', () => {})
  request.write(SECOND)
  const timer = setInterval(() => request.write(SECOND), 1_000)
  return {
    destroy: () => {
      clearInterval(timer)
      request.destroy()
    },
  }
}

function configuration(port: number, logs: string): string {
  const passwords = `<source-password>${PASSWORD}</source-password><admin-password>${PASSWORD}</admin-password>`
  return `<icecast>
<limits><clients>20</clients><sources>4</sources><burst-size>8192</burst-size></limits>
<authentication>${passwords}<admin-user>admin</admin-user></authentication>
<hostname>localhost</hostname>
<listen-socket><port>${port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
<paths><logdir>${logs}</logdir><webroot>/usr/share/icecast2/web</webroot><adminroot>/usr/share/icecast2/admin</adminroot>
<alias source="/" destination="/status.xsl"/></paths>
<logging><accesslog>access</accesslog><errorlog>error</errorlog></logging>
<security><chroot>0</chroot>${process.getuid?.() === 0 ? '<changeowner><user>www-data</user><group>www-data</group></changeowner>' : ''}</security>
</icecast>
`
}
