/**
 * A real server that stands for an app: it applies the checks of its model to every request and upgrade, then lets the
 * test's script answer. What came in is kept for the test to look at.
 */
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { AppModel } from './model.ts'

export type Script = (request: IncomingMessage, response: ServerResponse) => void

export interface Emulator {
  readonly url: string
  /** Name and port as the app knows itself. */
  readonly own: string
  readonly seen: IncomingMessage[]
  script: Script
  /** The next request that has passed the checks. */
  next(): Promise<IncomingMessage>
  close(): void
}

interface Teardown {
  teardown(fn: () => unknown): void
}

export async function emulate(t: Teardown, model: AppModel): Promise<Emulator> {
  const server = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const arrivals = new EventEmitter()
  const sockets = new Set<Duplex>()
  const emulator: Emulator = {
    url: `http://${own}`,
    own,
    seen: [],
    script: (_request, response) => response.end('fine'),
    next: async () => (await once(arrivals, 'request'))[0] as IncomingMessage,
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      server.closeAllConnections()
    },
  }
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    const refusal = model.check?.(request, own) ?? null
    if (refusal !== null) return void response.writeHead(refusal.status).end(refusal.says)
    emulator.seen.push(request)
    arrivals.emit('request', request)
    emulator.script(request, response)
  }
  server.on('request', serve)
  server.on('checkContinue', (request, response) => {
    response.writeContinue()
    serve(request, response)
  })
  server.on('upgrade', (request, socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    const isOpen = model.sockets === null || model.sockets.some(path => request.url?.startsWith(path))
    const refusal = model.check?.(request, own) ?? null
    if (!isOpen || refusal !== null) return void socket.end(`HTTP/1.1 ${refusal?.status ?? 404} No\r\n\r\n`)
    emulator.seen.push(request)
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.pipe(socket)
  })
  t.teardown(() => emulator.close())
  return emulator
}
