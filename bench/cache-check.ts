/** Whether a contender answers from its cache, proved by the origin's own count of requests. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Answer, type Ask, decodedBody, fetchBody } from './http.ts'
import { countSettled, type Origin } from './origin.ts'
import { requestHeadersOf, type Workload } from './workloads.ts'

/** Time for an answer that has just been sent to become one that is stored. */
const STORING_MS = 5000
/** Answers that must come from the cache one after the other. */
const CHECKED_HITS = 3
/** Answers of a load that are asked for again. */
const PROBES = 100

/** A URL that ends in a number which goes up by one a request never comes twice: each load has a path of its own. */
let loads = 0
export function pathOfLoad({ path, cache }: Workload): string {
  return cache?.answers === 'miss' ? `${path}?load=${++loads}-` : path
}

/** Throws unless answers are stored within `storingMs`, and then come from the cache as they should be. */
export async function checkCache(
  workload: Workload,
  base: string,
  origin: Origin,
  storingMs = STORING_MS,
): Promise<void> {
  const { cache, answerBody } = workload
  const url = base + pathOfLoad(workload)
  const headers = workload.coding === null ? {} : requestHeadersOf(workload)
  if (cache?.answers === 'miss') {
    const before = await origin.countRequests()
    expectAnswer(await fetchBody({ url }), 200, answerBody)
    const seen = (await origin.countRequests()) - before
    if (seen !== 1) throw new Error(`failed the check: the origin saw ${seen} requests for one new URL`)
  }
  await waitUntilStored({ url, headers }, origin, storingMs)
  const before = await origin.countRequests()
  for (let hit = 0; hit < CHECKED_HITS; hit++) {
    expectAnswer(await fetchBody({ url, headers }), 200, answerBody)
    if (cache?.answers !== 'not-modified') continue
    expectAnswer(await fetchBody({ url, headers: requestHeadersOf(workload) }), 304, Buffer.alloc(0))
  }
  const seen = (await origin.countRequests()) - before
  if (seen !== 0) throw new Error(`failed the check: ${seen} hits reached the origin`)
}

function expectAnswer(answer: Answer, expectedStatus: number, expectedBody: Buffer): void {
  const { status } = answer
  if (status !== expectedStatus) throw new Error(`failed the check: status ${status}, not ${expectedStatus}`)
  const body = decodedBody(answer)
  if (body.equals(expectedBody)) return
  throw new Error(`failed the check: ${body.length} bytes that are not the ${expectedBody.length} expected`)
}

async function waitUntilStored(ask: Ask, origin: Origin, storingMs: number): Promise<void> {
  const deadline = Date.now() + storingMs
  while (Date.now() < deadline) {
    const before = await origin.countRequests()
    await fetchBody(ask)
    if ((await origin.countRequests()) === before) return
    await delay(50)
  }
  throw new Error(`failed the check: nothing came from the cache within ${storingMs} ms`)
}

export interface FinishedLoad {
  /** Up to the number. */
  readonly url: string
  readonly requests: number
  readonly connections: number
}

/**
 * Of the last answers of a `miss` load the share that is in the cache now, 0 to 1. Those that the end of the load may
 * have cut off are left out. NaN where the load was too short.
 */
export async function measureStoredShare(load: FinishedLoad, origin: Origin): Promise<number> {
  const last = load.requests - load.connections
  const probes = Math.min(PROBES, last)
  if (probes < 1) return Number.NaN
  const before = await countSettled(origin)
  for (let number = last - probes + 1; number <= last; number++) await fetchBody({ url: load.url + number })
  return 1 - ((await origin.countRequests()) - before) / probes
}
