/**
 * Ranges of what is stored, and of what is not stored yet, are the origin's bytes (RFC 9110 §14, RFC 9111 §3.3, §3.4):
 * generated fields against a whole gateway with the cache on, in memory and on disk.
 */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { base, startGateway } from '../support/gateway.ts'
import { exchange, type RawAnswer } from '../support/raw-client.ts'
import { type RawOrigin, rawOrigin } from '../support/raw-origin.ts'
import { isHit } from './cache-people.ts'
import { type Ask, ifRange, MOST_RANGES, mustBeRight, show, statusOf } from './cache-range-answers.ts'
import { rangeOrigin, type StoredObject, tagOf } from './cache-range-origin.ts'
import { isLong } from './cache-support.ts'

/** Positions anywhere in the object, a little behind it, and on its borders. */
function spec(size: number): fc.Arbitrary<string> {
  const position = fc.oneof(fc.nat(size + 20), fc.constantFrom(0, 1, Math.max(0, size - 1), size, size + 1))
  return fc.oneof(
    fc.tuple(position, position).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
    position.map(first => `${first}-`),
    position.map(length => `-${length}`),
  )
}

const oddFields = ['bytes=', 'bytes=5-2', 'bytes=a-b', 'bytes=0-1,x', 'items=0-5', 'bytes 0-5', 'bytes=--1']

function field(size: number): fc.Arbitrary<string> {
  const list = (maxLength: number) => fc.array(spec(size), { minLength: 1, maxLength })
  const join = (specs: string[], blank: string) => `bytes=${specs.join(`,${blank}`)}`
  return fc.oneof(
    { weight: 6, arbitrary: list(1).map(specs => join(specs, '')) },
    {
      weight: 4,
      arbitrary: fc.tuple(list(MOST_RANGES), fc.constantFrom('', ' ')).map(([all, blank]) => join(all, blank)),
    },
    { weight: 1, arbitrary: fc.array(spec(size), { minLength: 9, maxLength: 40 }).map(specs => join(specs, '')) },
    { weight: 1, arbitrary: fc.constantFrom(...oddFields) },
  )
}

const ask = (size: number): fc.Arbitrary<Ask> =>
  fc.record({
    method: fc.constantFrom('GET', 'GET', 'GET', 'GET', 'GET', 'HEAD'),
    range: fc.option(field(size), { freq: 5 }),
    condition: fc.constantFrom('none', 'none', 'none', 'tag', 'wrong-tag', 'date', 'wrong-date'),
  })

const sizes = [0, 1, 2, 17, 1000, 70_001, 300_000]

const object: fc.Arbitrary<StoredObject> = fc.record({
  size: fc.constantFrom(...sizes),
  tag: fc.constantFrom('strong', 'strong', 'weak', 'none'),
  control: fc.constantFrom('max-age=60', 'max-age=60', 'max-age=0', 'no-cache', 'private', 'no-store'),
  ranges: fc.constantFrom('ignored', 'single', 'single', 'multipart'),
  isChunked: fc.boolean(),
  version: fc.constant(1),
})

interface World {
  readonly port: number
  readonly origin: RawOrigin
  readonly objects: Map<string, StoredObject>
}

async function send({ port }: World, path: string, asked: Ask, known: string | null): Promise<RawAnswer> {
  const lines = ['Host: a']
  if (asked.range !== null) lines.push(`Range: ${asked.range}`)
  const condition = ifRange(asked, known)
  if (condition !== null) lines.push(`If-Range: ${condition}`)
  return await exchange(port, `${asked.method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
}

async function open(t: Test, store: string): Promise<World> {
  const objects = new Map<string, StoredObject>()
  const origin = await rawOrigin(rangeOrigin(objects))
  t.teardown(() => origin.close())
  const yaml = `${base}store: ${store}\nroutes:\n  - { name: a, upstream: "${origin.url}", cache: { enabled: true } }\n`
  const { port } = await startGateway(t, yaml)
  return { port, origin, objects }
}

/** Puts an object there and asks until it comes from the store. */
async function warm(world: World, path: string, of: StoredObject): Promise<void> {
  world.objects.set(path, of)
  const deadline = Date.now() + 3_000
  const plain: Ask = { method: 'GET', range: null, condition: 'none' }
  while (!isHit(await send(world, path, plain, null))) {
    if (Date.now() > deadline) throw new Error(`never stored: ${JSON.stringify(of)}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

const stored: fc.Arbitrary<[StoredObject, Ask[]]> = object.chain(of =>
  fc.tuple(fc.constant({ ...of, control: 'max-age=60' }), fc.array(ask(of.size), { minLength: 4, maxLength: 12 })),
)

type Step = { readonly kind: 'ask'; readonly ask: Ask } | { readonly kind: 'change' }

/** What happens to an object nobody has asked for yet; the first request is one for a range. */
const story: fc.Arbitrary<[StoredObject, Step[]]> = object.chain(of => {
  const asking: fc.Arbitrary<Step> = ask(of.size).map(one => ({ kind: 'ask', ask: one }))
  const first: fc.Arbitrary<Step> = field(of.size).map(range => ({
    kind: 'ask',
    ask: { method: 'GET', range, condition: 'none' },
  }))
  const change: fc.Arbitrary<Step> = fc.constant({ kind: 'change' })
  const rest = fc.array(fc.oneof({ weight: 8, arbitrary: asking }, { weight: 1, arbitrary: change }), { maxLength: 12 })
  return fc.tuple(
    fc.constant(of),
    fc.tuple(first, rest).map(([one, more]) => [one, ...more]),
  )
})

for (const store of ['memory', 'disk:./cache']) {
  t.test(`ranges of an object in ${store} are its bytes, and the origin is not asked`, async t => {
    const world = await open(t, store)
    let number = 0
    const property = fc.asyncProperty(stored, async ([of, asks]) => {
      const path = `/stored-${++number}`
      await warm(world, path, of)
      const before = world.origin.requests.length
      for (const asked of asks) {
        const known = tagOf(of, 1)
        const got = await send(world, path, asked, known)
        mustBeRight(got, asked, of, known)
        if (!isHit(got)) throw new Error(`no hit\n${show(of, asked, got)}`)
        const status = statusOf(asked, of)
        if (status !== null && got.status !== status) throw new Error(`not ${status}\n${show(of, asked, got)}`)
      }
      if (world.origin.requests.length !== before) throw new Error('the origin was asked')
    })
    await fc.assert(property, { numRuns: isLong ? 120 : 50, interruptAfterTimeLimit: 10_000 })
    t.ok(number >= 10, `${number} objects`)
  })

  t.test(`ranges through a cold ${store} are bytes of one version`, async t => {
    const world = await open(t, store)
    const seen = { hits: 0, parts: 0 }
    let number = 0
    const property = fc.asyncProperty(story, async ([template, steps]) => {
      const path = `/cold-${++number}`
      const of = { ...template }
      world.objects.set(path, of)
      for (const [i, step] of steps.entries()) {
        if (step.kind === 'change') {
          if (of.tag !== 'none') of.version++
          continue
        }
        // Some clients still hold the first version.
        const known = tagOf(of, i % 2 === 0 ? of.version : 1)
        const got = await send(world, path, step.ask, known)
        mustBeRight(got, step.ask, of, known)
        if (isHit(got)) seen.hits++
        if (isHit(got) && got.status === 206) seen.parts++
      }
    })
    await fc.assert(property, { numRuns: isLong ? 300 : 100, interruptAfterTimeLimit: 10_000 })
    t.ok(number >= 10, `${number} objects`)
    t.ok(seen.hits > 0 && seen.parts > 0, `${seen.hits} hits, ${seen.parts} of them parts`)
  })
}
