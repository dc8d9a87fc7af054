// Docker's registry: a layer goes up in pieces, each to the address that the answer before it named, and is known by its
// digest; a client that goes on with a pull asks for the rest.
import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type HomeApp, noFavicon, type Room } from './app.ts'
import { findCommand } from './processes.ts'
import { answers } from './wait.ts'
import { type Answer, type Door, type Message, send } from './wire.ts'

const LAYER = randomBytes(5_000_000)
const PIECE = 2_000_000
const IMAGE = 'application/vnd.oci.image.manifest.v1+json'

export const registry: HomeApp = {
  name: 'registry',
  title: 'Docker registry',
  packages: {},
  commands: ['docker-registry'],
  preset: null,
  benign: noFavicon,

  async start({ state, logFile, port, programs }: Room) {
    const config = join(state, 'config.yml')
    const storage = `storage: { filesystem: { rootdirectory: ${JSON.stringify(join(state, 'data'))} } }`
    writeFileSync(config, `version: 0.1\n${storage}\nhttp: { addr: '127.0.0.1:${port}' }\n`)
    const command = findCommand('docker-registry') ?? 'docker-registry'
    await programs.startReady({ name: 'registry', command, args: ['serve', config], logFile }, () =>
      answers(port, '/v2/'),
    )
  },

  // Its front page is empty.
  async ready(page) {
    await page.waitForLoadState('networkidle')
  },

  async checks(t, visit) {
    const { door } = visit
    await visit.openFrontPage()
    const repository = `/v2/home/${door.name}`
    await t.test('a layer goes up in pieces', t => pushLayer(t, door, repository))
    await t.test('a manifest is known by its tag and its digest', t => checkManifest(t, door, repository))
    await t.test('a pull goes on where it stopped', async t => {
      const at = { path: `${repository}/blobs/${digestOf(LAYER)}` }
      const rest = await send(door, { ...at, headers: { range: 'bytes=3000000-' } })
      t.equal(rest.status, 206)
      t.ok(rest.body.equals(LAYER.subarray(3_000_000)))
      t.ok((await send(door, at)).body.equals(LAYER))
      t.equal((await send(door, { ...at, method: 'HEAD' })).headers['content-length'], String(LAYER.length))
    })
  },
}

async function pushLayer(t: Test, door: Door, repository: string): Promise<void> {
  let { status, headers } = await send(door, { method: 'POST', path: `${repository}/blobs/uploads/`, body: '' })
  t.equal(status, 202)
  for (let from = 0; from < LAYER.length; from += PIECE) {
    const body = LAYER.subarray(from, from + PIECE)
    const last = from + body.length - 1
    const fields = { 'content-type': 'application/octet-stream', 'content-range': `${from}-${last}` }
    ;({ status, headers } = await follow(t, door, { headers }, { method: 'PATCH', headers: fields, body }))
    t.equal(status, 202)
    t.equal(headers['range'], `0-${last}`)
  }
  const finished = await follow(t, door, { headers }, { method: 'PUT', body: '' }, { digest: digestOf(LAYER) })
  t.equal(finished.status, 201)
  t.equal(finished.headers['docker-content-digest'], digestOf(LAYER))
}

/** Sends a message to the address in Location, which has to be one of the door. */
function follow(
  t: Test,
  door: Door,
  { headers }: Pick<Answer, 'headers'>,
  message: Omit<Message, 'path'>,
  query: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const there = new URL(String(headers['location']))
  t.equal(there.origin, door.origin, 'the address is the one that the client knows')
  for (const [name, value] of Object.entries(query)) there.searchParams.set(name, value)
  return send(door, { ...message, path: there.pathname + there.search })
}

async function checkManifest(t: Test, door: Door, repository: string): Promise<void> {
  const layer = { mediaType: 'application/octet-stream', digest: digestOf(LAYER), size: LAYER.length }
  const body = JSON.stringify({ schemaVersion: 2, mediaType: IMAGE, config: layer, layers: [layer] }, null, 3)
  const digest = digestOf(body)
  const put = { method: 'PUT', path: `${repository}/manifests/v1`, headers: { 'content-type': IMAGE }, body }
  t.equal((await send(door, put)).status, 201)
  for (const name of ['v1', digest]) {
    for (const encoding of ['identity', 'gzip, br, zstd']) {
      const headers = { accept: IMAGE, 'accept-encoding': encoding }
      const got = await send(door, { path: `${repository}/manifests/${name}`, headers })
      t.equal(got.body.toString(), body)
      t.equal(got.headers['docker-content-digest'], digest)
    }
  }
  t.equal((await send(door, { path: `${repository}/manifests/none`, headers: { accept: IMAGE } })).status, 404)
}

function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
