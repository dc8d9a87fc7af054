/**
 * The controller under windows that lie, repeat themselves or come out of order, with bounds and saved state of any kind:
 * it neither throws nor leaves its bounds, and says the same each time.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { createController } from '../../../plugins/tuner/controller.ts'
import { hardBounds, MOST_ENTRIES } from '../../../plugins/tuner/guard/book.ts'
import { forgetChanged, readLedger, writeLedger } from '../../../plugins/tuner/ledger-file.ts'
import type { Controller, ControllerMeta, Decisions, TunerWindow } from '../../../plugins/tuner/types.ts'
import { folderOf } from '../../support/folder.ts'

const meta: ControllerMeta = {
  gateway: { cores: 2 },
  upstreams: [{ id: 'u' }, { id: 'w' }],
  routes: [
    { id: 'r', upstream: 'u', slo: { goodMs: 300, badMs: 3000 }, contentType: 'json' },
    { id: 's', upstream: 'u', slo: { goodMs: 2000, badMs: 9000 }, contentType: 'html' },
    { id: 'q', upstream: 'w' },
  ],
}

const odd = fc.constantFrom<unknown>(Number.NaN, -1, 0, -0, 0.5, 1e308, -1e308, Infinity, -Infinity, null, undefined, '5', true, {}, [3]) // biome-ignore format: one kind a word
const strange = fc.constantFrom<unknown>(5n, Symbol('odd'), () => 1)

/** A second of load as a gateway tells it, before anything is spoilt. */
function second(i: number, inflight: number, isBusy: boolean): TunerWindow {
  const count = isBusy ? 12 : 3
  const attempts = Array.from({ length: 3 * count }, (_, n) => {
    const [route, upstream] = [['r', 'u'] as const, ['s', 'u'] as const, ['q', 'w'] as const][n % 3] ?? ['r', 'u']
    const kind = n % 11 === 10 ? ('5xx' as const) : ('ok' as const)
    return { t: i, route, upstream, ms: 20 * inflight + n, kind, inflight, try: n % 13 === 12 ? 2 : 1 }
  })
  const upstream = {
    ...{ arrivals: 2 * count, attempts: 2 * count, ok: 2 * count, err5xx: 1, connectErr: 0, timeouts: 0, shed: 0 },
    ...{ inflightAvg: inflight, inflightMax: inflight, queueNow: isBusy ? 20 : 0, queueMax: isBusy ? 30 : 0 },
    limitedFrac: isBusy ? 1 : 0,
  }
  const cls = { n: count, raw: 1e6, bytesOut: 2e5, transferMs: 300, cpuMs: 20, cpuWork: 10 }
  const route = { arrivals: count, ok: count, fail: 1, utility: count, hedges: 1, hedgeWins: 0, byClass: { lan: cls } }
  return {
    t: 1000 * i,
    gateway: { cpuUtil: 0.4 },
    upstreams: { u: upstream, w: { ...upstream } },
    routes: { r: route, s: { ...route }, q: { ...route } },
    attempts,
    knobs: { upstreams: { u: { maxConcurrency: 16 } }, routes: { r: { compression: { algo: 'br', level: 4 } } } },
  }
}

/** Puts `value` at some place within it; `path` says where. */
function spoil(whole: unknown, path: readonly number[], value: unknown): unknown {
  const [step, ...rest] = path
  if (step === undefined || typeof whole !== 'object' || whole === null) return value
  const keys = Object.keys(whole)
  const key = keys[step % Math.max(1, keys.length)]
  if (key === undefined) return value
  const inside = spoil((whole as Record<string, unknown>)[key], rest, value)
  return Array.isArray(whole) ? whole.with(Number(key), inside) : { ...whole, [key]: inside }
}

const path = fc.array(fc.nat(40), { minLength: 1, maxLength: 4 })
const oneSecond = (value: fc.Arbitrary<unknown>) =>
  fc.record({
    inflight: fc.nat(40),
    isBusy: fc.boolean(),
    spoils: fc.array(fc.tuple(path, value), { maxLength: 4 }),
    /** How many times it is told, and how late. */
    times: fc.constantFrom(0, 1, 1, 1, 1, 2),
    late: fc.constantFrom(0, 0, 0, 1, 5),
  })

function hostile(value: fc.Arbitrary<unknown>): fc.Arbitrary<TunerWindow[]> {
  return fc.array(oneSecond(value), { minLength: 20, maxLength: 90 }).map(seconds => {
    const told = seconds.flatMap(({ inflight, isBusy, spoils, times, late }, i) => {
      const window = spoils.reduce<unknown>((all, [at, bad]) => spoil(all, at, bad), second(i, inflight, isBusy))
      return Array.from({ length: times }, () => ({ at: i + late, window: window as TunerWindow }))
    })
    return told.toSorted((a, b) => a.at - b.at).map(({ window }) => window)
  })
}

const rule = fc.record(
  { min: fc.oneof(odd, fc.nat(20)), max: fc.oneof(odd, fc.nat(80)), configured: fc.oneof(odd, fc.nat(60)) },
  { requiredKeys: [] },
)
const anyRules = fc.record({
  u: fc.record({ maxConcurrency: rule, queueMax: rule, poolMax: rule, parkMs: rule }, { requiredKeys: [] }),
  r: fc.record({ attempts: rule, queueTimeoutMs: rule, timeoutMs: rule, cacheTtlMs: rule }, { requiredKeys: [] }),
  w: fc.constant({ maxConcurrency: { pinned: true, configured: 9 }, queueMax: { pinned: true } }),
})
const anySaved = fc.oneof(
  fc.anything(),
  fc.record({
    version: fc.constant(1),
    limits: fc.dictionary(fc.constantFrom('u', 'w', 'gone'), fc.oneof(odd, fc.double())),
  }),
)

interface Rule {
  readonly min?: unknown
  readonly max?: unknown
  readonly pinned?: unknown
}
type Rules = Readonly<Record<string, Readonly<Record<string, Rule>>>>

/** What of these decisions no gateway may be told; empty = nothing. */
function forbidden(decisions: Decisions | null, rules: Rules): string[] {
  const found: string[] = []
  const targets = [...Object.entries(decisions?.upstreams ?? {}), ...Object.entries(decisions?.routes ?? {})]
  for (const [target, knobs] of targets) {
    for (const [knob, value] of Object.entries(knobs)) {
      const { min, max, pinned } = rules[target]?.[knob] ?? {}
      if (pinned === true) found.push(`${knob} is pinned`)
      if (typeof value !== 'number') continue
      const [least, most] = hardBounds[knob] as readonly [number, number]
      if (!(value >= least && value <= most)) found.push(`${knob} ${value} is outside ${least} to ${most}`)
      if (isWithin(min, knob) && isWithin(max, knob) && min <= max && (value < min || value > max))
        found.push(`${knob} ${value} is outside the configured ${min} to ${max}`)
    }
  }
  return found
}

function isWithin(bound: unknown, knob: string): bound is number {
  const [least, most] = hardBounds[knob] as readonly [number, number]
  return typeof bound === 'number' && bound >= least && bound <= most
}

t.test(
  'no window, bound or saved state makes it throw, leave its bounds, touch a pin or keep more than it may',
  async () => {
    fc.assert(
      fc.property(
        hostile(fc.oneof({ weight: 9, arbitrary: odd }, strange)),
        anyRules,
        anySaved,
        (windows, rules, saved) => {
          const controller = createController({ ...meta, knobs: rules }, saved)
          const wrong = forbidden(controller.initial(), rules as Rules)
          for (const window of windows) wrong.push(...forbidden(controller.observe(window), rules as Rules))
          wrong.push(...forbidden(controller.rollback(), rules as Rules))
          // What is written down must be readable again.
          JSON.stringify(controller.log)
          const again = createController({ ...meta, knobs: rules }, JSON.parse(JSON.stringify(controller.save())))
          wrong.push(...forbidden(again.initial(), rules as Rules))
          if (wrong.length > 0) throw new Error(wrong.join(', '))
          return controller.log.length <= MOST_ENTRIES
        },
      ),
      { numRuns: 150 },
    )
  },
)

t.test('the same lies give the same ledger, byte for byte, also after a restart', async () => {
  fc.assert(
    fc.property(hostile(odd), anySaved, (windows, saved) => {
      const run = (from: unknown) => {
        const controller = createController(meta, from)
        const told = windows.map(window => controller.observe(window))
        return { text: JSON.stringify([told, controller.log]), state: controller.save() }
      }
      const [one, other] = [run(saved), run(saved)]
      return one.text === other.text && run(one.state).text === run(structuredClone(other.state)).text
    }),
    { numRuns: 60 },
  )
})

t.test('whatever stands in its file, the gateway starts, within bounds', async t => {
  const folder = folderOf(t)
  const valid = { savedAt: 5, identities: { u: 'a' }, controller: { version: 1, limits: { u: 4 } } }
  writeLedger(folder, { ...valid, pins: ['r\u0000x'], frozen: false, entries: [], knobs: [] })
  const written = JSON.parse(JSON.stringify({ version: 1, ...valid, pins: [], entries: [], knobs: [] })) as unknown
  const spoilt = fc
    .tuple(path, fc.oneof(odd, fc.jsonValue()))
    .map(([at, bad]) => JSON.stringify(spoil(written, at, bad)))
  const cut = fc.nat(200).map(n => JSON.stringify(written).slice(0, n))
  fc.assert(
    fc.property(fc.oneof(spoilt, cut, fc.json(), fc.string()), text => {
      writeFileSync(join(folder, 'tuner.json'), text ?? '')
      const ledger = readLedger(folder, 10)
      const saved = ledger === null ? null : forgetChanged(ledger, { u: 'a', w: 'b' })
      return forbidden(createController(meta, saved).initial(), {}).length === 0
    }),
    { numRuns: 300 },
  )
})

const forced = (i: number, value: unknown): TunerWindow => {
  return { ...second(i, 1, false), knobs: { upstreams: { u: { queueMax: value } } } }
}
const saidIn = (all: readonly (Decisions | null)[]) =>
  all.flatMap((decisions, i) => (decisions?.upstreams?.['u']?.queueMax === undefined ? [] : [i]))

t.test('a value that will not be taken is said again, more and more seldom, and stands in the ledger once', async t => {
  const controller = createController(meta)
  const said = saidIn(Array.from({ length: 600 }, (_, i) => controller.observe(forced(i, 100))))
  t.equal(said[0], 0, 'at once')
  t.ok(said.length < 20, `after ${said}`)
  t.ok((said.at(-1) ?? 0) > 530, 'it is not given up')
  t.equal(about(controller, 'queueMax').length, 1)
})

t.test('whoever moves it again once it was back is told at once', async t => {
  const controller = createController(meta)
  const values = [...Array<number>(20).fill(512), 7, 512, 512, 7, 512, 7]
  const said = saidIn(values.map((value, i) => controller.observe(forced(i, value))))
  t.strictSame(said, [20, 23, 25])
  t.equal(about(controller, 'queueMax').length, 3)
})

const looped: Record<string, unknown> = {}
looped['itself'] = looped

t.test('whatever is said to be in force is put back once, and the ledger can be written', async t => {
  for (const odd of [5n, looped, { algo: 5n }, Number.NaN, 'x'.repeat(9999), { byClass: null }, [[]]]) {
    const controller = createController(meta)
    for (let i = 0; i < 40; i++) controller.observe(forced(i, odd))
    t.equal(about(controller, 'queueMax').length, 1)
    t.ok(JSON.stringify(controller.log).length < 20_000)
  }
})

t.test('the order in which a coding is written down is no change', async t => {
  const controller = createController(meta)
  const inForce = [
    { level: 1, algo: 'br' },
    { default: { level: 1, algo: 'br' }, byClass: {} },
  ]
  const windows = inForce.map((compression, i) => ({
    ...second(i, 1, false),
    knobs: { routes: { s: { compression } } },
  }))
  t.equal(controller.observe(windows[0] as TunerWindow), null)
  t.not(controller.observe(windows[1] as TunerWindow), null)
})

t.test(
  'a meta without its parts, or with parts that are none, makes a controller that stays quiet about them',
  async t => {
    const metas = [
      undefined,
      null,
      {},
      { upstreams: null },
      { upstreams: [null], routes: [null, 5, {}] },
      { routes: ['r'] },
    ]
    for (const each of metas) {
      const controller = createController(each as never)
      const told = Array.from({ length: 70 }, (_, i) => forbidden(controller.observe(second(i, 9, true)), {}))
      t.strictSame(told.flat(), [])
    }
  },
)

t.test('bounds and pins hold wherever they are written: at the target, in its part, or for all', async t => {
  const rules = { maxConcurrency: { min: 5, max: 5 }, queueMax: { pinned: true } }
  for (const knobs of [{ u: rules, w: rules }, { upstreams: { u: rules, w: rules } }, { upstreams: rules }, rules]) {
    const controller = createController({ ...meta, knobs })
    const told = [controller.initial(), ...Array.from({ length: 90 }, (_, i) => controller.observe(second(i, 9, true)))]
    const said = told.flatMap(decisions => Object.values(decisions?.upstreams ?? {}))
    t.ok(said.some(({ maxConcurrency }) => maxConcurrency === 5))
    t.notOk(said.some(({ maxConcurrency = 5, queueMax }) => maxConcurrency !== 5 || queueMax !== undefined))
  }
})

const about = (controller: Controller, name: string) => controller.log.filter(({ knob }) => knob === name)
