/** The HTTP/1.1 server behind all listeners: it never listens itself, the acceptors hand it their sockets. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { WholeResponse } from '../../plugins/proxy/index.ts'
import type { GlobalLimits } from '../config/types.ts'
import { answerAndClose, decideClientError } from './client-error.ts'
import { connectionOf } from './connection.ts'
import type { Intake } from './intake.ts'
import { sweepIntervalMs } from './sweep.ts'
import type { ListenerHandlers } from './types.ts'

type ParserError = Error & { code?: string; rawPacket?: Buffer; bytesParsed?: number }

export function createHttp1(limits: GlobalLimits, handlers: ListenerHandlers, intake: Intake): Server {
  const server: Server = createServer({
    ServerResponse: keptAnswers(() => keptMs.get(server) ?? 0),
    insecureHTTPParser: false,
    joinDuplicateHeaders: false,
    rejectNonStandardBodyWrites: false,
    requireHostHeader: false,
    // A request without a body has no stream to be read to its end: five of nine turns of the microtask queue less.
    optimizeEmptyRequests: true,
    // Bodies and answers are bounded by progress, never by a clock.
    requestTimeout: 0,
    headersTimeout: 0,
    shouldUpgradeCallback: req => intake.mayUpgrade(req),
  })
  // Counted before the handler instead: Node leaves fields beyond its count out of sight.
  server.maxHeadersCount = 0
  // Socket timers would also fire while an origin thinks; the sweep knows what a connection waits for.
  server.timeout = 0
  server.on('request', (req, res) => intake.request1(req, res))
  server.on('checkContinue', (req, res) => intake.expect(req, res))
  server.on('checkExpectation', (req, res) => intake.unknownExpectation(req, res))
  server.on('upgrade', (req, socket, head) => intake.upgrade(req, socket as Socket, head))
  server.on('connect', (_req, socket) => intake.connect1(socket as Socket))
  server.on('clientError', (error, socket) => onClientError(error as ParserError, socket as Socket, handlers))
  applyLimits1(server, limits)
  return server
}

const keptMs = new WeakMap<Server, number>()

/** Answers that tell clients how long their connection is kept. */
function keptAnswers(keepAliveMs: () => number): typeof ServerResponse {
  class KeptAnswer extends WholeResponse {
    override get keepAliveMs(): number {
      return keepAliveMs()
    }
  }
  return KeptAnswer as unknown as typeof ServerResponse
}

/** Also on a reload: Node reads these for each connection and check. */
export function applyLimits1(server: Server, limits: GlobalLimits): void {
  const own = server as Server & { maxHeaderSize: number; connectionsCheckingInterval: number }
  own.maxHeaderSize = limits.headerSize
  own.headersTimeout = limits.headerTimeoutMs
  // The sweep ends idle connections. Node's own timer would be made and thrown away around each request.
  own.keepAliveTimeout = 0
  keptMs.set(server, limits.keepAliveMs)
  own.connectionsCheckingInterval = sweepIntervalMs(limits)
  // Node starts (or restarts) its check of late heads on this event, which a server that does not listen never has.
  server.emit('listening')
}

function onClientError(error: ParserError, socket: Socket, handlers: ListenerHandlers): void {
  const connection = connectionOf(socket)
  if (connection === undefined) return void socket.destroy()
  if (connection.closing) return connection.onUnwanted?.()
  const { rawPacket: packet, bytesParsed } = error
  const opening = packet !== undefined && packet.length === socket.bytesRead ? packet.subarray(0, bytesParsed) : null
  const { status, kind } = decideClientError({ code: error.code, opening })
  handlers.onClientError?.(kind)
  // Nobody has asked anything yet, so an answer would be one too many.
  answerAndClose(connection, socket.bytesRead === 0 ? null : status)
}
