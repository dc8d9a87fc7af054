/**
 * `/upload`: takes any body as a stream, counts and hashes it, keeps nothing.
 */
import { createHash } from 'node:crypto'
import { type Endpoint, sendJson } from './answer.ts'

/** Answers `{ bytes, sha256, ms }`; `ms` from the request's head to its last byte. */
export const upload: Endpoint = {
  methods: ['POST', 'PUT'],
  answer: exchange => {
    const hash = createHash('sha256')
    const startedAt = performance.now()
    let bytes = 0
    exchange.req.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      hash.update(chunk)
    })
    exchange.req.on('end', () => {
      const ms = Math.round((performance.now() - startedAt) * 10) / 10
      sendJson(exchange, 200, { bytes, sha256: hash.digest('hex'), ms })
    })
  },
}
