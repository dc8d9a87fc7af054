/** Serves the corpus: `/once/NAME` is not to be stored, `/kept/NAME` is; encodes nothing and counts. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { RealBody } from './corpus.ts'

export interface BodiesOrigin {
  readonly port: number
  /** Requests for what is to be stored, so far. */
  keptRequests(): number
  close(): void
}

export async function startBodiesOrigin(bodies: readonly RealBody[]): Promise<BodiesOrigin> {
  const known = new Map(bodies.map(each => [each.name, each]))
  let kept = 0
  const server = createServer((request, response) => {
    const [, kind = '', name = ''] = (request.url ?? '').split('/')
    const found = known.get(name)
    if (found === undefined) return void response.writeHead(404).end()
    if (kind === 'kept') kept++
    const cacheControl = kind === 'kept' ? 'max-age=3600' : 'no-store'
    const head = { 'content-type': found.type, 'content-length': found.body.length, etag: '"bench"' }
    response.writeHead(200, { ...head, 'cache-control': cacheControl }).end(found.body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { port, keptRequests: () => kept, close: () => server.close() }
}
