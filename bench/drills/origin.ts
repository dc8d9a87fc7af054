/** An app that can die and come back on its port, as a container that is restarted. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** Requests with it are answered at once and do not count. */
export const WARM_UP_FIELD = 'x-drill-warm-up'

export type Work = (request: http.IncomingMessage, response: http.ServerResponse) => void

export interface DrillOrigin {
  readonly port: number
  /** Requests that have reached it. */
  readonly requests: { readonly method: string; readonly atMs: number }[]
  /** Ends every connection at once and refuses new ones. */
  die(): Promise<void>
  comeBack(): Promise<void>
}

/** `close` of the harness ends it. */
export async function startOrigin(work: Work, atEnd: (action: () => unknown) => void): Promise<DrillOrigin> {
  const sockets = new Set<Socket>()
  const requests: DrillOrigin['requests'] = []
  const open = async (port: number) => {
    const server = http.createServer({ keepAliveTimeout: 5_000 }, (request, response) => {
      if (request.headers[WARM_UP_FIELD] !== undefined) return void response.end()
      requests.push({ method: request.method ?? '', atMs: performance.now() })
      work(request, response)
    })
    server.on('connection', socket => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => sockets.delete(socket))
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  }
  let server = await open(0)
  const { port } = server.address() as AddressInfo
  const die = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.resetAndDestroy()
    await closed
  }
  atEnd(die)
  const comeBack = async () => {
    server = await open(port)
  }
  return { port, requests, die, comeBack }
}
