/**
 * A load for machines without wrk: takes one LoopOrder, prints one LoadResult, both as JSON.
 * Slower than wrk, so fast contenders are not driven to their limit; CPU time a request stays comparable.
 */
import { readFileSync } from 'node:fs'
import { createHistogram } from 'node:perf_hooks'
import { Pool } from 'undici'
import type { LoopOrder } from '../load.ts'
import { noteTime, resultOf } from './result.ts'

const order = JSON.parse(process.argv[2] ?? '') as LoopOrder
const { method, connections, headers, counts } = order
const { origin, pathname, search } = new URL(order.url)
const target = pathname + search
const body = order.bodyFile === null ? null : readFileSync(order.bodyFile)
const pool = new Pool(origin, { connections, headersTimeout: 5000, bodyTimeout: 5000 })
const latencies = createHistogram()
const startMs = performance.now()
const endMs = startMs + order.seconds * 1000
let number = 0
let bytes = 0
let socketErrors = 0
let badStatuses = 0

async function askOnce(): Promise<void> {
  const sentMs = performance.now()
  try {
    const path = counts ? target + ++number : target
    const answer = await pool.request({ path, method, headers, body })
    for await (const chunk of answer.body) bytes += (chunk as Buffer).length
    if (answer.statusCode >= 400) badStatuses++
    noteTime(latencies, sentMs)
  } catch {
    socketErrors++
  }
}

async function ask(): Promise<void> {
  while (performance.now() < endMs) await askOnce()
}

await Promise.all(Array.from({ length: connections }, ask))
const result = resultOf(latencies, startMs, { bytes, socketErrors, badStatuses })
process.stdout.write(`${JSON.stringify(result)}\n`)
await pool.close()
