/**
 * `/events`: server-sent events, one a second and the first at once (HTML Living Standard §9.2). A client that comes
 * back with Last-Event-ID goes on counting where it was.
 */
import type { ServerResponse } from 'node:http'
import { type Endpoint, readEndpoint, sendJson } from './answer.ts'

/** Most event streams at the same time; the next one gets 503. */
export const MAX_STREAMS = 128

/** @param periodMs time between two events. */
export function eventsEndpoint(periodMs = 1000): Endpoint {
  let streams = 0
  return readEndpoint(exchange => {
    const { req, res } = exchange
    if (streams >= MAX_STREAMS) {
      sendJson(exchange, 503, { error: 'too many event streams' }, { 'retry-after': '5' })
      return
    }
    res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' })
    if (req.method === 'HEAD') {
      res.end()
      return
    }
    streams++
    res.on('close', () => streams--)
    tick(res, parseEventId(req.headers['last-event-id']), periodMs)
  })
}

function tick(res: ServerResponse, lastId: number, periodMs: number): void {
  let id = lastId
  const send = () => {
    id++
    // A reader that does not keep up misses ticks; nothing is stored for it.
    if (res.writableNeedDrain) return
    res.write(`id: ${id}\ndata: ${JSON.stringify({ n: id, at: new Date().toISOString() })}\n\n`)
  }
  res.write('retry: 2000\n\n')
  send()
  const timer = setInterval(send, periodMs)
  res.on('close', () => clearInterval(timer))
}

function parseEventId(field: string | string[] | undefined): number {
  const id = typeof field === 'string' ? Number(field) : Number.NaN
  return Number.isSafeInteger(id) && id > 0 ? id : 0
}
