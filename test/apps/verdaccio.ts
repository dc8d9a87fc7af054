// Verdaccio: a package is published as one PUT of 4 MB JSON, and the addresses of its tarballs are built from Host
// and X-Forwarded-Proto, so a wrong one of either breaks every install.
import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HomeApp, Room } from './app.ts'
import { node } from './processes.ts'
import { answers } from './wait.ts'
import { send, sendJson } from './wire.ts'

// Base64 makes 4 MB of it.
const TARBALL = randomBytes(3 * 1024 * 1024)
const DIGEST = createHash('sha256').update(TARBALL).digest('hex')

export const verdaccio: HomeApp = {
  name: 'verdaccio',
  title: 'Verdaccio',
  packages: { verdaccio: '6.10.4' },
  // A later node-fetch asks for a package that the install does not find.
  overrides: { 'node-fetch': '2.7.0' },
  benign: [],

  async start({ folder, state, logFile, port, programs }: Room) {
    const config = join(state, 'config.yaml')
    writeFileSync(config, configuration(join(state, 'storage')))
    const script = join(folder, 'node_modules', 'verdaccio', 'bin', 'verdaccio')
    const args = [script, '-c', config, '-l', `http://127.0.0.1:${port}`]
    await programs.startReady({ name: 'Verdaccio', command: node, args, logFile }, () => answers(port, '/-/ping'))
  },

  async ready(page) {
    await page.getByRole('banner').first().waitFor()
    await page.waitForLoadState('networkidle')
  },

  async checks(t, visit) {
    const { door } = visit
    const name = `home-${door.name}`
    const tarballUrl = `${door.origin}/${name}/-/${name}-1.0.0.tgz`

    await t.test('a package of 4 MB is published by PUT', async t => {
      const { status, body } = await sendJson(door, 'PUT', `/${name}`, { value: manifest(name, tarballUrl) })
      t.equal(status, 201, body.toString().slice(0, 200))
    })

    await t.test('the tarball address has the scheme and host the client used', async t => {
      const { status, body } = await send(door, { path: `/${name}`, headers: { accept: 'application/json' } })
      t.equal(status, 200)
      t.equal(JSON.parse(body.toString()).versions['1.0.0'].dist.tarball, tarballUrl)
    })

    await t.test('the tarball comes back byte for byte', async t => {
      const { status, body } = await send(door, { path: new URL(tarballUrl).pathname })
      t.equal(status, 200)
      t.ok(body.equals(TARBALL), 'the bytes are those that were published')
    })

    await t.test('the page lists the package and its script reads the same tarball', async t => {
      const { page } = await visit.openFrontPage()
      await page.getByText(name, { exact: true }).first().waitFor()
      await visit.shot(page, 'listed')
      t.equal(await page.evaluate(digestOf, tarballUrl), DIGEST)
    })
  },
}

/** Runs in the page: the SHA-256 of what an address gives, in hexadecimal digits. */
async function digestOf(url: string): Promise<string> {
  const bytes = await (await fetch(url)).arrayBuffer()
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return [...digest].map(byte => byte.toString(16).padStart(2, '0')).join('')
}

function configuration(storage: string): string {
  return [
    `storage: ${JSON.stringify(storage)}`,
    "packages: { '**': { access: $all, publish: $all, unpublish: $all } }",
    'max_body_size: 50mb',
    'log: { type: stdout, format: json, level: warn }',
    '',
  ].join('\n')
}

/** What `npm publish` sends. */
function manifest(name: string, tarballUrl: string): object {
  const dist = {
    tarball: tarballUrl,
    shasum: createHash('sha1').update(TARBALL).digest('hex'),
    integrity: `sha512-${createHash('sha512').update(TARBALL).digest('base64')}`,
  }
  const attachment = {
    content_type: 'application/octet-stream',
    data: TARBALL.toString('base64'),
    length: TARBALL.length,
  }
  return {
    _id: name,
    name,
    description: 'made by the tests',
    'dist-tags': { latest: '1.0.0' },
    versions: { '1.0.0': { name, version: '1.0.0', description: 'made by the tests', readme: '# Hello', dist } },
    _attachments: { [`${name}-1.0.0.tgz`]: attachment },
  }
}
