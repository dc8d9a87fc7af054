/** The running gateway and an origin that records every byte, for the fuzzers; and a client that sends bytes and reads all. */
import net from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Origin } from '../conformance/faults/origin.ts'
import { type GatewayProcess, gatewayProcess } from '../support/gateway-process.ts'
import { History } from './history.ts'
import { piecesOf } from './request-grammar.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface Rig {
  readonly origin: Origin
  readonly gateway: GatewayProcess
  readonly port: number
  readonly tlsPort: number
  readonly isAlive: () => boolean
  readonly history: History
}

const certs = fileURLToPath(new URL('../support/certs/', import.meta.url))

export interface RigOptions {
  readonly client?: 'native' | 'undici'
  /** How long an origin may be silent. */
  readonly silenceMs?: number
}

export async function openRig(t: Teardown, { client = 'native', silenceMs = 3_000 }: RigOptions = {}): Promise<Rig> {
  const origin = await new Origin('O').start()
  t.teardown(() => origin.stop())
  const gateway = await gatewayProcess(
    t,
    `
listen:
  - { host: 127.0.0.1, port: 0 }
  - { host: 127.0.0.1, port: 0, tls: { cert: ${certs}localhost.cert.pem, key: ${certs}localhost.key.pem } }
admin: { host: 127.0.0.1, port: 0 }
log: { level: warn, access: none }
defaults:
  cache: false
  retry: false
  compression: false
  protocol: { client: ${client} }
  limits: { response_timeout: ${silenceMs}ms, idle_timeout: ${silenceMs}ms }
routes:
  - { name: any, upstream: "http://127.0.0.1:${origin.port}" }
`,
  )
  // A run that is broken off leaves no gateway behind.
  const kill = () => void gateway.child.kill('SIGKILL')
  process.once('exit', kill)
  t.teardown(() => process.off('exit', kill))
  const isAlive = () => gateway.child.exitCode === null && gateway.child.signalCode === null
  return { origin, gateway, port: gateway.port, tlsPort: gateway.ports[1] as number, isAlive, history: new History() }
}

export interface Waiting {
  /** Of what was received. */
  readonly isEnough: (text: string) => boolean
  /** The end of patience. */
  readonly ms: number
}

export interface Talk {
  readonly answered: string
  /** The gateway has ended the connection by itself. */
  readonly isEnded: boolean
  readonly isLate: boolean
}

/** Sends in pieces and reads until `isEnough`, the end of the connection, or the end of patience. */
export async function talk(
  port: number,
  bytes: string,
  cuts: readonly number[],
  { isEnough, ms }: Waiting,
): Promise<Talk> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  let answered = ''
  let isEnded = false
  const done = Promise.withResolvers<void>()
  socket.on('error', () => {})
  socket.on('data', chunk => {
    answered += chunk.toString('latin1')
    if (isEnough(answered)) done.resolve()
  })
  const end = () => {
    isEnded = true
    done.resolve()
  }
  socket.on('end', end).on('close', end)
  const pieces = piecesOf(bytes, cuts)
  for (const [i, piece] of pieces.entries()) {
    socket.write(piece, 'latin1')
    if (i < pieces.length - 1) await new Promise(resolve => setImmediate(resolve))
  }
  const late = await Promise.race([done.promise, pause(ms, 'late', { ref: false })])
  // An answer too many would come at once.
  if (!isEnded) await pause(1)
  socket.destroy()
  return { answered, isEnded, isLate: late === 'late' }
}

/** Nothing of one case is left at the origin when the next one begins. */
export async function settle(origin: Origin): Promise<void> {
  for (let i = 0; i < 200 && origin.busy > 0; i++) await pause(1)
}
