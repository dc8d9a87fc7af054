// DokuWiki on the web server that PHP has in itself: a connection an answer, cookies that are Secure where the client came
// over TLS, tokens against forged forms, and pages that are others for who has logged in.
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { type HomeApp, noFavicon, type Room, type Visit } from './app.ts'
import { findCommand } from './processes.ts'
import { answers } from './wait.ts'
import { send } from './wire.ts'

const CODE = '/usr/share/dokuwiki'
const PASSWORD = 'hearth'
/** How htpasswd writes that password (apr1), which DokuWiki reads. */
const HASH = '$apr1$hearthga$KFEi0DB4.WvU82gHuMNws/'
const FOLDERS = [
  'attic',
  'cache',
  'index',
  'locks',
  'log',
  'media',
  'media_attic',
  'media_meta',
  'meta',
  'pages',
  'tmp',
]

export const dokuwiki: HomeApp = {
  name: 'dokuwiki',
  title: 'DokuWiki',
  packages: {},
  commands: ['php', join(CODE, 'doku.php')],
  debian: ['php-cli', 'php-xml', 'dokuwiki'],
  preset: null,
  benign: noFavicon,
  // It caches for longer than a visit, and its scripts hold the address that they were made for.
  live: /^\/lib\/exe\/(?:taskrunner|js|css)\.php/,
  moving: [/taskrunner\.php\?[^"]*/gu, /name="sectok" value="[^"]*"/gu, /tseed=[0-9a-f]*/gu],

  async start({ state, logFile, port, programs }: Room) {
    const folder = join(state, 'wiki')
    install(folder)
    const command = findCommand('php') ?? 'php'
    const settings = ['-d', 'upload_max_filesize=20M', '-d', 'post_max_size=20M', '-d', 'display_errors=0']
    const args = [...settings, '-S', `127.0.0.1:${port}`, '-t', folder]
    await programs.startReady({ name: 'DokuWiki', command, args, logFile }, () => answers(port, '/doku.php'))
  },

  async ready(page) {
    await page.locator('#dokuwiki__content').waitFor()
    await page.waitForLoadState('networkidle')
  },

  async checks(t, visit) {
    const { door } = visit
    const { page } = await visit.openFrontPage()

    await t.test('who logs in by the form is known, and nobody else for it', async t => {
      await page.goto(`${door.origin}/doku.php?id=start&do=login`)
      await page.fill('input[name=u]', 'joe')
      await page.fill('input[name=p]', PASSWORD)
      await page.locator('#dw__login button[type=submit]').click()
      await page.getByText('Log Out').first().waitFor()
      const cookies = await visit.context.cookies(door.origin)
      t.ok(cookies.length > 0)
      const isSecure = door.certificate !== undefined
      t.ok(
        cookies.every(({ secure }) => secure === isSecure),
        'Secure over TLS alone',
      )
      t.notMatch((await send(door, { path: '/doku.php?id=start' })).body.toString(), 'do=logout')
    })

    await t.test('a page is written by the form, and read by others', async t => {
      await write(page, visit)
      const { body } = await send(door, { path: `/doku.php?id=${door.name}` })
      t.match(body.toString(), `words of ${door.name}`)
    })

    await t.test('a picture of 2 MB is uploaded, comes back, and a part of it when asked for', async t => {
      const film = Buffer.from(Uint8Array.from({ length: 2_000_000 }, (_none, i) => (i * 2_654_435_761) >>> 13))
      t.equal(await upload(page, `${door.name}.bin`, film), 200)
      const path = `/lib/exe/fetch.php?media=${door.name}.bin`
      const whole = await send(door, { path })
      t.ok(whole.body.equals(film), `${whole.status}, ${whole.body.length} bytes`)
      const part = await send(door, { path, headers: { range: 'bytes=1000000-1000099' } })
      t.equal(part.status, 206)
      t.ok(part.body.equals(film.subarray(1_000_000, 1_000_100)))
    })
  },
}

async function write(page: Page, { door }: Visit): Promise<void> {
  await page.goto(`${door.origin}/doku.php?id=${door.name}&do=edit`)
  // The pictures of the editor; those of a page that is left cannot be read.
  await page.waitForLoadState('networkidle')
  await page.fill('#wiki__text', `words of ${door.name}\n\n${'text '.repeat(3_000)}`)
  await page.locator('button[name="do[save]"]').click()
  await page.getByText(`words of ${door.name}`).first().waitFor()
}

function upload(page: Page, name: string, bytes: Buffer): Promise<number> {
  const work = async ({ name, text }: { name: string; text: string }) => {
    const page = await (await fetch('/lib/exe/mediamanager.php?ns=')).text()
    const token = /name="sectok" value="([^"]*)"/.exec(page)?.[1] ?? ''
    const query = new URLSearchParams({ call: 'mediaupload', qqfile: name, ns: '', sectok: token })
    const body = Uint8Array.from(atob(text), letter => letter.charCodeAt(0))
    const answer = await fetch(`/lib/exe/ajax.php?${query}`, { method: 'POST', body: new Blob([body]) })
    const told = (await answer.json()) as { success?: boolean; error?: string }
    if (told.success !== true) throw new Error(JSON.stringify(told))
    return answer.status
  }
  return page.evaluate(work, { name, text: bytes.toString('base64') })
}

function install(folder: string): void {
  cpSync(CODE, folder, { recursive: true, dereference: true })
  rmSync(join(folder, 'conf'), { recursive: true, force: true })
  cpSync('/etc/dokuwiki', join(folder, 'conf'), { recursive: true, dereference: true })
  rmSync(join(folder, 'inc', 'preload.php'), { force: true })
  rmSync(join(folder, 'conf', 'local.protected.php'), { force: true })
  for (const name of FOLDERS) mkdirSync(join(folder, 'data', name), { recursive: true })
  const settings = {
    title: 'Home',
    savedir: join(folder, 'data'),
    useacl: 1,
    superuser: 'joe',
    authtype: 'authplain',
    updatecheck: 0,
  }
  const lines = Object.entries(settings).map(([key, value]) => `$conf['${key}'] = ${JSON.stringify(value)};`)
  writeFileSync(join(folder, 'conf', 'local.php'), `<?php\n${lines.join('\n')}\n`)
  writeFileSync(join(folder, 'conf', 'users.auth.php'), `joe:${HASH}:Joe:joe@home.test:admin,user\n`)
  writeFileSync(join(folder, 'conf', 'acl.auth.php'), '* @ALL 1\n* @user 16\n')
  // Any file may be a picture here.
  writeFileSync(join(folder, 'conf', 'mime.local.conf'), 'bin !application/octet-stream\n')
  writeFileSync(join(folder, 'data', 'pages', 'start.txt'), `====== Home ======\n${'A line of it. '.repeat(200)}\n`)
}
