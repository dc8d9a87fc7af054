/**
 * What the examples put in front of: a small app on a free port of loopback that tells what it was asked, and echoes
 * WebSocket messages. In real life this is your wiki or your photo library.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { WebSocketServer } from 'ws'

export interface Running {
  readonly url: string
  close(): Promise<void>
}

export async function startSampleApp(): Promise<Running> {
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'application/json')
    // What is the same for everybody says so.
    if (request.url?.startsWith('/assets/')) response.setHeader('Cache-Control', 'public, max-age=3600')
    response.end(JSON.stringify({ path: request.url, headers: request.headers }))
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', socket => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Starts an example when its file is the one that was run: `node examples/proxy.ts`. */
export async function runIfMain(moduleUrl: string, start: () => Promise<Running>): Promise<void> {
  if (process.argv[1] !== fileURLToPath(moduleUrl)) return
  const { url, close } = await start()
  process.once('SIGINT', () => void close())
  console.log(`listening on ${url}, stop with Ctrl+C`)
}
