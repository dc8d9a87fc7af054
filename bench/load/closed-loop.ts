/**
 * A load for machines without wrk: METHOD URL CONNECTIONS SECONDS [BODY-FILE]; prints one LoadResult as JSON.
 * Slower than wrk, so fast contenders are not driven to their limit; CPU time a request stays comparable.
 */
import { readFileSync } from 'node:fs'
import { createHistogram } from 'node:perf_hooks'
import { Pool } from 'undici'
import type { LoadResult } from '../load.ts'

const [method = 'GET', url = '', connections = '1', seconds = '1', bodyFile] = process.argv.slice(2)
const { origin, pathname } = new URL(url)
const body = bodyFile === undefined ? null : readFileSync(bodyFile)
const pool = new Pool(origin, { connections: Number(connections), headersTimeout: 5000, bodyTimeout: 5000 })
const latencies = createHistogram()
const startMs = performance.now()
const endMs = startMs + Number(seconds) * 1000
let bytes = 0
let socketErrors = 0
let badStatuses = 0

async function askOnce(): Promise<void> {
  const sentMs = performance.now()
  try {
    const answer = await pool.request({ path: pathname, method: method as 'GET' | 'POST', body })
    for await (const chunk of answer.body) bytes += (chunk as Buffer).length
    if (answer.statusCode >= 400) badStatuses++
    latencies.record(Math.max(1, Math.round((performance.now() - sentMs) * 1e6)))
  } catch {
    socketErrors++
  }
}

async function ask(): Promise<void> {
  while (performance.now() < endMs) await askOnce()
}

await Promise.all(Array.from({ length: Number(connections) }, ask))
const result: LoadResult = {
  requests: latencies.count,
  seconds: (performance.now() - startMs) / 1000,
  bytes,
  p50Ms: latencies.percentile(50) / 1e6,
  p99Ms: latencies.percentile(99) / 1e6,
  socketErrors,
  badStatuses,
}
process.stdout.write(`${JSON.stringify(result)}\n`)
await pool.close()
