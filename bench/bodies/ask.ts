/** One request after another over one kept connection, each answer read to its end. */
import { Agent, request } from 'node:http'

const LIMIT_MS = 30_000

export interface Asked {
  readonly encoding: string
  /** Of the body as it came, not decoded. */
  readonly bytes: Buffer
  readonly firstByteMs: number
}

export class Asker {
  readonly #base: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  constructor(base: string) {
    this.#base = base
  }

  ask(path: string, coding: string): Promise<Asked> {
    const beganMs = performance.now()
    const { promise, resolve, reject } = Promise.withResolvers<Asked>()
    const options = {
      agent: this.#agent,
      headers: { 'accept-encoding': coding },
      signal: AbortSignal.timeout(LIMIT_MS),
    }
    const sent = request(this.#base + path, options, answer => {
      const chunks: Buffer[] = []
      let firstByteMs = 0
      answer.on('data', (chunk: Buffer) => {
        if (chunks.length === 0) firstByteMs = performance.now() - beganMs
        chunks.push(chunk)
      })
      answer.once('error', reject).once('end', () => {
        const { statusCode = 0, headers } = answer
        if (statusCode !== 200) return reject(new Error(`${path}: status ${statusCode}`))
        resolve({ encoding: headers['content-encoding'] ?? 'identity', bytes: Buffer.concat(chunks), firstByteMs })
      })
    })
    sent.once('error', reject).end()
    return promise
  }

  close(): void {
    this.#agent.destroy()
  }
}
