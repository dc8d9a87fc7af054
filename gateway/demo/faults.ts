/**
 * `/slow` and `/flaky`: an origin that takes its time and one that fails every second request.
 */
import { type Endpoint, numberOf, readEndpoint, sendJson } from './answer.ts'

/** `/slow?ms=`: answers after that many milliseconds, at most 30,000 (default 1,000). */
export const slow: Endpoint = readEndpoint(exchange => {
  const waitMs = numberOf(exchange.url, 'ms', { min: 0, max: 30_000, fallback: 1000 })
  const timer = setTimeout(() => sendJson(exchange, 200, { waitedMs: waitMs }), waitMs)
  exchange.res.on('close', () => clearTimeout(timer))
})

/** `/flaky`: 503 with Retry-After for the first, third, fifth … request, 200 for the others. */
export function flakyEndpoint(): Endpoint {
  let requests = 0
  return readEndpoint(exchange => {
    requests++
    if (requests % 2 === 1) sendJson(exchange, 503, { request: requests, ok: false }, { 'retry-after': '1' })
    else sendJson(exchange, 200, { request: requests, ok: true })
  })
}
