/**
 * Random stories of pages that change, clients of every kind and an origin that fails, through a whole gateway with all that
 * it has switched on: what each client is given is judged by the journal of the origin (RFC 9110, RFC 9111, RFC 5861).
 * `npm run fuzz:cache` is the long form (docs/conformance.md).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { folderOf } from '../support/folder.ts'
import { base, startGateway } from '../support/gateway.ts'
import { type RawAnswer, RawClient } from '../support/raw-client.ts'
import { rawOrigin } from '../support/raw-origin.ts'
import { type Asked, Judge, type Leeway, type Void } from './cache-model-judge.ts'
import { type Manner, ModelOrigin } from './cache-model-origin.ts'
import { type Ask, type Story, stories } from './cache-model-stories.ts'

const MINUTES = Number(process.env['CACHE_MODEL_MINUTES'] ?? 0)
const IS_LONG = MINUTES > 0
const STORE = process.env['CACHE_MODEL_STORE'] ?? 'memory'
const SEED = Number(process.env['CACHE_MODEL_SEED'] ?? 1)

const leeways: Readonly<Record<Story['host'], Leeway>> = {
  'plain.test': { staleWhileRevalidateS: 0, staleIfErrorS: 0 },
  'bold.test': { staleWhileRevalidateS: 30, staleIfErrorS: 300 },
}

const yaml = (url: string, folder: string) => `${base}
store: "${STORE === 'disk' ? `disk:${folder}/store` : STORE}"
defaults:
  retry: { statuses: [503] }
  rate_limit: false
routes:
  - { name: plain, match: { host: plain.test }, upstream: "${url}", cache: { enabled: true } }
  - name: bold
    match: { host: bold.test }
    upstream: "${url}"
    cache: { enabled: true, vary_cookie: true, stale_while_revalidate: 30s, stale_if_error: 5m }
`

/** All of this process sees this clock. */
const realNow = Date.now
let skewMs = 0
Date.now = () => realNow() + skewMs
t.teardown(() => {
  Date.now = realNow
})

const total = { stories: 0, answers: 0, hits: 0, statuses: {} as Record<number, number> }

interface Stage {
  readonly port: number
  readonly adminUrl: string
  readonly origin: ModelOrigin
}

/** One story while it is played. */
class Play {
  readonly #stage: Stage
  readonly #story: Story
  readonly #targets: readonly string[]
  readonly #voids: Void[] = []
  readonly #judge: Judge
  /** Tags and dates that clients were given, by target. */
  readonly #seen = new Map<string, { readonly tags: string[]; readonly dates: string[] }>()
  readonly #log: string[] = []

  constructor(stage: Stage, story: Story, run: number) {
    this.#stage = stage
    this.#story = story
    this.#targets = story.manners.map((_, i) => `/p${i}-${run}`)
    stage.origin.journal.length = 0
    stage.origin.faultsLeft = 0
    stage.origin.failures = 0
    for (const [i, manner] of story.manners.entries()) stage.origin.pages.set(this.#at(i), { manner, version: 1 })
    const { origin } = stage
    const hasFailed = () => origin.failures > 0
    this.#judge = new Judge({ journal: origin.journal, voids: this.#voids, leeway: leeways[story.host], hasFailed })
  }

  async run(): Promise<void> {
    const { origin } = this.#stage
    for (const step of this.#story.steps) {
      if (step.do === 'wait') skewMs += step.seconds * 1000
      else if (step.do === 'rest') await sleep(step.ms)
      else if (step.do === 'fail') Object.assign(origin, { fault: step.fault, faultsLeft: step.times })
      else if (step.do === 'purge') await this.#purge(this.#at(step.page))
      else if (step.do === 'change') this.#change(this.#at(step.page), step.manner)
      else await Promise.all(step.asks.map(ask => this.#ask(ask)))
    }
    for (const target of this.#targets) origin.pages.delete(target)
  }

  #at(page: number): string {
    return this.#targets[page] as string
  }

  #change(target: string, manner: Manner | null): void {
    const { pages } = this.#stage.origin
    const page = pages.get(target)
    if (page !== undefined) pages.set(target, { manner: manner ?? page.manner, version: page.version + 1 })
  }

  async #purge(target: string): Promise<void> {
    const sentMs = Date.now()
    const headers = { 'content-type': 'application/json', 'x-hearthgate': '1' }
    const body = JSON.stringify({ url: `http://${this.#story.host}${target}` })
    const { ok } = await fetch(`${this.#stage.adminUrl}/api/cache/purge`, { method: 'POST', headers, body })
    if (ok) this.#voids.push({ target, sentMs, doneMs: Date.now() })
  }

  async #ask(ask: Ask): Promise<void> {
    if (ask.afterMs > 0) await sleep(ask.afterMs)
    const target = this.#at(ask.page)
    const fields = this.#fieldsOf(ask, target)
    const sentMs = Date.now()
    const client = new RawClient(this.#stage.port).send(textOf(ask, target, this.#story.host, fields))
    if (ask.leavesMs !== null) {
      await sleep(ask.leavesMs)
      return client.close()
    }
    const got = await client.answer(ask.method, 8_000).catch((error: Error) => error)
    client.close()
    // An origin that breaks off may break off its client.
    if (got instanceof Error && got.message === 'closed without an answer') return
    if (got instanceof Error) throw new Error([got.message, ...this.#log].join('\n'))
    this.#note({ method: ask.method, target, fields, sentMs }, got)
  }

  #fieldsOf({ client, extras, condition, method }: Ask, target: string): Record<string, string> {
    const fields: Record<string, string> = { ...this.#story.clients[client], ...extras }
    if (method !== 'GET') delete fields['range']
    const known = this.#seen.get(target)
    if (condition === null || known === undefined) return fields
    const of = condition.name === 'if-modified-since' ? known.dates : known.tags
    const value = condition.which === 'last' ? of.at(-1) : of[0]
    return value === undefined ? fields : { ...fields, [condition.name]: value }
  }

  #note(asked: Asked, got: RawAnswer): void {
    const { method, target, fields, sentMs } = asked
    this.#log.push(`${method} ${target} ${JSON.stringify(fields)} → ${got.status} ${JSON.stringify(got.headers)}`)
    total.answers++
    total.statuses[got.status] = (total.statuses[got.status] ?? 0) + 1
    if (got.headers['cache-status']?.includes('; hit')) total.hits++
    if (method === 'POST') {
      if (got.status < 400) this.#voids.push({ target, sentMs, doneMs: Date.now() })
      return
    }
    const fault = this.#judge.faultIn(asked, got)
    if (fault !== null) throw new Error([fault, ...this.#log, ...this.#stage.origin.tell(target)].join('\n'))
    const known = this.#seen.get(target) ?? { tags: [], dates: [] }
    this.#seen.set(target, known)
    const { etag, 'last-modified': modified } = got.headers
    if (etag !== undefined) known.tags.push(etag)
    if (modified !== undefined) known.dates.push(modified)
  }
}

function textOf({ method }: Ask, target: string, host: string, fields: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ host, ...fields, ...(method === 'POST' ? { 'content-length': '0' } : {}) })
  return [`${method} ${target} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n')
}

t.setTimeout(MINUTES * 60_000 + 60_000)

t.test('every answer is one that the origin has allowed', async t => {
  const origin = new ModelOrigin()
  const raw = await rawOrigin(origin.script)
  t.teardown(() => raw.close())
  const { port, adminUrl } = await startGateway(t, yaml(raw.url, folderOf(t)))
  const property = fc.asyncProperty(stories(IS_LONG ? [20, 20, 400] : [20]), story =>
    new Play({ port, adminUrl, origin }, story, ++total.stories).run(),
  )
  const length = IS_LONG
    ? { numRuns: 1e6, interruptAfterTimeLimit: MINUTES * 60_000 }
    : { numRuns: 60, interruptAfterTimeLimit: 10_000 }
  await fc.assert(property, { seed: SEED, ...length })
  t.comment(JSON.stringify(total))
  t.ok(total.hits > total.answers / 20, 'the store was met')
})
