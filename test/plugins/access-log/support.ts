/**
 * A bare Fastify app with the access log, whose lines can be awaited.
 */
import { EventEmitter, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import { type AccessLogOptions, accessLog } from '../../../plugins/access-log/index.ts'

/** Collects lines; `next` waits for the next one that nobody took yet. */
export class Lines {
  readonly all: string[] = []
  readonly #arrived = new EventEmitter()
  #taken = 0

  write(line: string): void {
    this.all.push(line)
    this.#arrived.emit('line')
  }

  async next(): Promise<string> {
    while (this.all.length <= this.#taken) await once(this.#arrived, 'line')
    return this.all[this.#taken++] ?? ''
  }

  async nextFields(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.next())
  }
}

export interface LoggedApp {
  readonly app: FastifyInstance
  readonly lines: Lines
  readonly port: number
  readonly url: string
}

export async function startApp(
  t: { teardown(fn: () => unknown): void },
  options: AccessLogOptions,
  build: (app: FastifyInstance) => void,
): Promise<LoggedApp> {
  const lines = new Lines()
  const app = Fastify({ forceCloseConnections: true })
  await app.register(accessLog, { destination: lines, ...options })
  build(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return { app, lines, port, url: `http://127.0.0.1:${port}` }
}
