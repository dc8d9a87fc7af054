/**
 * Requests of the supervisor to the admin listener of one worker, on loopback and with the crew's own secret.
 */
import { type IncomingMessage, request } from 'node:http'
import type { Readable } from 'node:stream'
import type { Member } from './crew.ts'

/** A worker that says nothing for so long is left out. */
const SILENCE_MS = 10_000

export interface WorkerCall {
  readonly method: string
  /** Target as it came, never a part of an address: `//host/x` is a path (RFC 9112 §3.2.1). */
  readonly path: string
  readonly accept: string | undefined
  readonly body: Buffer | null
}

/** @throws when the worker cannot be reached or is silent. */
export function askWorker({ admin }: Member, token: string, call: WorkerCall): Promise<IncomingMessage> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}`, 'x-hearthgate': '1' }
  if (call.accept !== undefined) headers['accept'] = call.accept
  if (call.body !== null) headers['content-type'] = 'application/json'
  const { hostname, port } = new URL(admin)
  return new Promise((resolve, reject) => {
    const asking = request({ hostname, port, path: call.path, method: call.method, headers, agent: false })
    asking.setTimeout(SILENCE_MS, () => asking.destroy(new Error('the worker is silent')))
    asking.on('response', answer => {
      // An event stream may be silent for long.
      asking.setTimeout(0)
      resolve(answer)
    })
    asking.on('error', reject)
    asking.end(call.body ?? undefined)
  })
}

/** Answers of a worker are small: what it holds is bounded there. */
export async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
