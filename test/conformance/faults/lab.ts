/** The lab of the fault cases: origins A, B, C and M, a decoy, and the gateway as a process, configured as the contract says. */
import { once } from 'node:events'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import { type GatewayProcess, gatewayProcess } from '../../support/gateway-process.ts'
import { exchange } from '../../support/raw-client.ts'
import { Origin } from './origin.ts'

export interface Lab {
  readonly a: Origin
  readonly b: Origin
  readonly c: Origin
  readonly m: Origin
  readonly origins: readonly Origin[]
  readonly decoy: { readonly port: number; connections: number }
  readonly gateway: GatewayProcess
  readonly client: UpstreamClient
  readonly port: number
  readonly tlsPort: number
  /** The gateway process has not ended. */
  isAlive(): boolean
  /** Forgets what the origins have recorded, and every script. */
  forget(): void
  close(): Promise<void>
}

const certs = fileURLToPath(new URL('../../support/certs/', import.meta.url))

/** Who speaks HTTP/1.1 to the origins in this run. */
export type UpstreamClient = 'native' | 'undici'

type Origins = { readonly a: Origin; readonly b: Origin; readonly c: Origin; readonly m: Origin }

function configuration(origins: Origins, closedPort: number, client: UpstreamClient): string {
  const url = (port: number) => `http://127.0.0.1:${port}`
  const { a, b, c, m } = origins
  return `
listen:
  - { host: 127.0.0.1, port: 0 }
  - { host: 127.0.0.1, port: 0, tls: { cert: ${certs}localhost.cert.pem, key: ${certs}localhost.key.pem } }
admin: { host: 127.0.0.1, port: 0 }
state_dir: ./state
limits: { header_timeout: 3s, body_idle: 3s, write_idle: 3s, keep_alive: 5s }
defaults:
  limits: { response_timeout: 3s, idle_timeout: 3s, connect_timeout: 1s }
  health: { eject_time: 2s }
  protocol: { client: ${client} }
  cache: false
routes:
  - { name: any, upstream: "${url(a.port)}" }
  - { name: cached, match: { host: [cache.test, cache2.test] }, upstream: "${url(a.port)}", cache: { enabled: true } }
  - { name: limited, match: { host: limit.test }, upstream: "${url(a.port)}", limits: { body_size: 1MiB } }
  - { name: down, match: { host: down.test }, upstream: "${url(closedPort)}" }
  - { name: pool, match: { host: pool.test }, upstream: ["${url(b.port)}", "${url(c.port)}"] }
  - { name: secret, match: { path: /secret }, deny: true }
  - { name: mounted, match: { path: /app/ }, rewrite_path: /base/, upstream: "${url(m.port)}" }
  - { name: tunnels, match: { path: /ws/ }, upstream: "${url(a.port)}", limits: { websocket_idle: 60s } }
`
}

export async function openLab(client: UpstreamClient = 'native'): Promise<Lab> {
  const [a, b, c, m, down] = ['A', 'B', 'C', 'M', 'down'].map(name => new Origin(name)) as Origin[] & { length: 5 }
  const origins = [a, b, c, m] as Origin[]
  for (const origin of [...origins, down as Origin]) await origin.start()
  await (down as Origin).stop()
  const named = { a: a as Origin, b: b as Origin, c: c as Origin, m: m as Origin }
  const decoy = await openDecoy()
  const cleanups: (() => unknown)[] = []
  const teardown = { teardown: (fn: () => unknown) => void cleanups.push(fn) }
  const closeOrigins = async () => {
    for (const origin of origins) await origin.stop()
    await decoy.close()
  }
  const yaml = configuration(named, (down as Origin).port, client)
  const gateway = await gatewayProcess(teardown, yaml).catch(async error => {
    await closeOrigins()
    throw error
  })
  // A run that is broken off leaves no gateway behind.
  const kill = () => void gateway.child.kill('SIGKILL')
  process.once('exit', kill)
  const lab: Lab = {
    ...named,
    origins,
    decoy,
    gateway,
    client,
    port: gateway.port,
    tlsPort: gateway.ports[1] as number,
    isAlive: () => gateway.child.exitCode === null && gateway.child.signalCode === null,
    forget: () => {
      for (const origin of origins) {
        origin.messages = []
        origin.faults = []
        origin.scripts.clear()
      }
    },
    close: async () => {
      process.off('exit', kill)
      for (const cleanup of cleanups) await cleanup()
      await closeOrigins()
    },
  }
  await warmUp(lab.port)
  return lab
}

/** The first requests compile code; memory is compared with the state after them. */
async function warmUp(port: number): Promise<void> {
  for (let i = 0; i < 200; i++) await exchange(port, `GET /warm-${i} HTTP/1.1\r\nHost: app.test\r\n\r\n`)
}

async function openDecoy() {
  const decoy = { port: 0, connections: 0, close: () => new Promise(done => server.close(done)) }
  const server = net.createServer(socket => {
    decoy.connections++
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  decoy.port = (server.address() as net.AddressInfo).port
  return decoy
}
