/**
 * A gateway with one preset in front of the emulator of its app: at the root of `app.test`, below `/sub` of `sub.test`, and
 * without the preset at `plain.test`, which shows what would happen.
 */
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { exchange, type RawAnswer, RawClient } from '../support/raw-client.ts'
import { putForward } from './clock.ts'
import { type Emulator, emulate } from './emulator.ts'
import { models } from './model.ts'

export interface Rig {
  readonly app: Emulator
  readonly gateway: TestGateway
  /** Sends a request as the app's own page would, and returns the answer. */
  ask(host: Host, method: string, path: string, more?: Ask): Promise<RawAnswer>
  open(host: Host, method: string, path: string, more?: Ask): RawClient
  /** Lets time pass: resolves when every limit has been compared with the new time. */
  pass(seconds: number): Promise<void>
}

export type Host = 'app.test' | 'sub.test' | 'plain.test'
export interface Ask {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

interface Teardown {
  teardown(fn: () => unknown): void
}

/** Path of a held request whose time limit tells that a sweep has gone by. */
const HELD = '/held-until-the-sweep'

export async function openRig(t: Teardown, preset: string): Promise<Rig> {
  const model = models[preset]
  if (model === undefined) throw new Error(`no emulator stands for ${preset}`)
  const app = await emulate(t, model)
  const held = await emulate(t, { sockets: [] })
  held.script = () => {}
  const gateway = await startGateway(t, configFor(preset, app.url, held.url))
  const open: Rig['open'] = (host, method, path, more = {}) =>
    new RawClient(gateway.port).send(head(host, method, path, more)).send(more.body ?? '')
  return {
    app,
    gateway,
    open,
    ask: (host, method, path, more = {}) =>
      exchange(gateway.port, Buffer.concat([Buffer.from(head(host, method, path, more), 'latin1'), bytes(more.body)])),
    pass: async seconds => {
      const waiting = open('plain.test', 'GET', HELD)
      await held.next()
      putForward(seconds * 1000)
      const { status } = await waiting.answer()
      waiting.close()
      if (status !== 504) throw new Error(`time did not pass: ${status}`)
    },
  }
}

function configFor(preset: string, url: string, held: string): string {
  return `
listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }
routes:
  - { name: app, match: { host: app.test }, upstream: "${url}", preset: ${preset} }
  - { name: sub, match: { host: sub.test, path: /sub }, rewrite_path: /, upstream: "${url}", preset: ${preset} }
  - { name: plain, match: { host: plain.test }, upstream: "${url}", retry: false }
  - { name: held, match: { host: plain.test, path: ${HELD} }, upstream: "${held}", retry: false }
`
}

function bytes(body: string | Buffer = ''): Buffer {
  return typeof body === 'string' ? Buffer.from(body) : body
}

/** What every request of the app's page carries; what Connection needs is the caller's. */
function head(host: Host, method: string, path: string, { headers = {}, body = '' }: Ask): string {
  const target = host === 'sub.test' ? `/sub${path}` : path
  const own = { Host: host, Origin: `http://${host}`, Referer: `http://${host}/page`, 'X-Requested-With': 'TiddlyWiki' }
  const length = body.length > 0 ? { 'Content-Length': String(bytes(body).length) } : {}
  const lines = Object.entries({ ...own, ...length, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`
}
