import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { checkCache, measureStoredShare, pathOfLoad } from '../../bench/cache-check.ts'
import { fetchBody } from '../../bench/http.ts'
import type { Origin } from '../../bench/origin.ts'
import { WORKLOADS, type Workload } from '../../bench/workloads.ts'

const workloadNamed = (name: string): Workload => WORKLOADS.find(workload => workload.name === name)!

async function serve(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

interface Behaviour {
  /** Whether an answer to this URL is kept. */
  readonly keeps?: (url: string) => boolean
  readonly answersConditionals?: boolean
  readonly hitBody?: Buffer
}

/** An origin that counts, and a cache before it that behaves as told. */
async function startPair(t: Test, workload: Workload, behaviour: Behaviour) {
  const { keeps = () => true, answersConditionals = true, hitBody = workload.answerBody } = behaviour
  let requests = 0
  const originBase = await serve(t, (_request, response) => {
    requests++
    response.end(workload.answerBody)
  })
  const kept = new Set<string>()
  const isConditional = (request: IncomingMessage) => request.headers['if-none-match'] !== undefined
  const base = await serve(t, async (request, response) => {
    const url = request.url ?? ''
    if (kept.has(url) && answersConditionals && isConditional(request)) return void response.writeHead(304).end()
    if (kept.has(url)) return void response.end(hitBody)
    const { body } = await fetchBody({ url: originBase + url })
    if (keeps(url)) kept.add(url)
    response.end(body)
  })
  const origin: Origin = { port: 0, program: 'node', countRequests: async () => requests }
  return { base, origin }
}

for (const name of ['hit', '304', 'miss']) {
  t.test(`${name}: a cache that holds what it got passes`, async t => {
    const workload = workloadNamed(name)
    const { base, origin } = await startPair(t, workload, {})
    await t.resolves(checkCache(workload, base, origin))
  })

  t.test(`${name}: a proxy that stores nothing fails`, async t => {
    const workload = workloadNamed(name)
    const { base, origin } = await startPair(t, workload, { keeps: () => false })
    await t.rejects(checkCache(workload, base, origin, 200), /nothing came from the cache within 200 ms/)
  })

  t.test(`${name}: other bytes from the cache than from the origin fail`, async t => {
    const workload = workloadNamed(name)
    const { base, origin } = await startPair(t, workload, { hitBody: Buffer.alloc(workload.answerBody.length) })
    await t.rejects(checkCache(workload, base, origin), /10240 bytes that are not the 10240 expected/)
  })
}

t.test('304: a cache that sends the whole answer to a client that has it fails', async t => {
  const workload = workloadNamed('304')
  const { base, origin } = await startPair(t, workload, { answersConditionals: false })
  await t.rejects(checkCache(workload, base, origin), /status 200, not 304/)
})

t.test(
  'miss: the share that was stored is that of the last answers, without those that may have been cut off',
  async t => {
    const workload = workloadNamed('miss')
    const numberOf = (url: string) => Number(url.slice(url.lastIndexOf('-') + 1))
    const { base, origin } = await startPair(t, workload, { keeps: url => numberOf(url) % 4 !== 0 })
    const url = base + pathOfLoad(workload)
    for (let number = 1; number <= 120; number++) await fetchBody({ url: url + number })
    t.equal(await measureStoredShare({ url, requests: 130, connections: 10 }, origin), 0.75)
    t.ok(Number.isNaN(await measureStoredShare({ url, requests: 10, connections: 10 }, origin)))
  },
)

t.test('each load of misses has URLs of its own', async t => {
  t.not(pathOfLoad(workloadNamed('miss')), pathOfLoad(workloadNamed('miss')))
  t.equal(pathOfLoad(workloadNamed('hit')), '/page.html')
})
