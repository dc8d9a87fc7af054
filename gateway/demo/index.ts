/**
 * The built-in demo origin (`upstream: builtin:demo`): a plain HTTP server on loopback whose endpoints let a newcomer see
 * what a gateway does. It depends on nothing else of the gateway; all it does is bounded.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Endpoint, sendJson } from './answer.ts'
import * as api from './api.ts'
import { large, range } from './bytes.ts'
import { eventsEndpoint } from './events.ts'
import { flakyEndpoint, slow } from './faults.ts'
import { assets, home } from './page/index.ts'
import { upload } from './upload.ts'
import { EchoServer, type UpgradedSocket } from './websocket/echo.ts'

/** A running demo. */
export interface Demo {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string
  /** Ends every connection at once and resolves when the port is free; further calls wait for the same. */
  close(): Promise<void>
}

/** A request that is not listened to for this long is over; an upload may last as long as it makes progress. */
const IDLE_TIMEOUT_MS = 120_000

const MAX_CONNECTIONS = 1024

/** Starts the demo on a free port of 127.0.0.1. Rejects with the system's error where no port is to be had. */
export async function startDemo(): Promise<Demo> {
  const sockets = new EchoServer()
  const server = createDemoServer(sockets)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  let closed: Promise<void> | null = null
  const close = () => {
    closed ??= new Promise<void>(resolve => {
      server.close(() => resolve())
      sockets.close()
      server.closeAllConnections()
    })
    return closed
  }
  return { url: `http://127.0.0.1:${port}`, close }
}

function createDemoServer(sockets: EchoServer): Server {
  const endpoints = collectEndpoints()
  const options = {
    requestTimeout: 0,
    headersTimeout: 10_000,
    keepAliveTimeout: 65_000,
    shouldUpgradeCallback: (req: IncomingMessage) => req.headers.upgrade?.toLowerCase() === 'websocket',
  }
  const server = createServer(options, (req, res) => dispatch(endpoints, req, res))
  server.maxConnections = MAX_CONNECTIONS
  server.setTimeout(IDLE_TIMEOUT_MS)
  server.on('upgrade', (req, socket, first) => sockets.upgrade(req, socket as UpgradedSocket, first))
  server.on('clientError', (_error, socket) => {
    if (socket.writable) {
      socket.end(
        'HTTP/1.1 400 Bad Request\r\nServer: hearthgate-demo\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
      )
    } else socket.destroy()
  })
  return server
}

function collectEndpoints(): Map<string, Endpoint> {
  return new Map<string, Endpoint>([
    ['/', home],
    ...assets,
    ['/api/json', api.jsonEndpoint()],
    ['/api/time', api.time],
    ['/headers', api.headers],
    ['/events', eventsEndpoint()],
    ['/slow', slow],
    ['/flaky', flakyEndpoint()],
    ['/large', large],
    ['/range', range],
    ['/upload', upload],
    ['/ws', upgradeOnly],
  ])
}

/** `/ws` without an upgrade (RFC 9110 §15.5.22). */
const upgradeOnly: Endpoint = {
  methods: null,
  answer: exchange =>
    sendJson(exchange, 426, { error: 'this is a WebSocket' }, { connection: 'upgrade', upgrade: 'websocket' }),
}

const unknownPath: Endpoint = {
  methods: null,
  answer: exchange => sendJson(exchange, 404, { error: 'the demo has no such path' }),
}

function dispatch(endpoints: Map<string, Endpoint>, req: IncomingMessage, res: ServerResponse): void {
  res.setHeader('server', 'hearthgate-demo')
  res.setHeader('x-content-type-options', 'nosniff')
  const url = URL.parse(req.url ?? '', 'http://demo.invalid')
  if (url === null) {
    res.writeHead(400, { 'content-length': 0 }).end()
    return
  }
  const exchange = { req, res, url }
  const isStatus = url.pathname.startsWith('/status/')
  const endpoint = endpoints.get(url.pathname) ?? (isStatus ? api.status : unknownPath)
  const isAllowed = endpoint.methods === null ? req.method !== 'TRACE' : endpoint.methods.includes(req.method ?? '')
  if (isAllowed) endpoint.answer(exchange)
  else sendJson(exchange, 405, { error: 'not this method' }, { allow: endpoint.methods?.join(', ') ?? 'GET' })
}
