/**
 * Starts a demo for a test and sends it single requests, each on a connection of its own.
 */
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { type Demo, startDemo } from '../../../gateway/demo/index.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export async function startTestDemo(t: { teardown(fn: () => Promise<void>): void }): Promise<Demo> {
  const demo = await startDemo()
  t.teardown(() => demo.close())
  return demo
}

export interface Ask {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: Buffer
}

/** The whole answer; rejects where the connection breaks. The path is sent byte for byte. */
export function ask(demo: Demo, path: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> {
  const { hostname, port } = new URL(demo.url)
  return new Promise((resolve, reject) => {
    const req = request({ hostname, port, path, method, headers, agent: false }, res => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks) }))
      res.on('error', reject)
    })
    req.on('error', reject)
    req.end(body)
  })
}
