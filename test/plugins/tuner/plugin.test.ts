/**
 * The plugin in a bare app: what it may move, what it only suggests, and what it keeps.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import Fastify from 'fastify'
import t from 'tap'
import { clampToBounds, contractOf } from '../../../plugins/contract/index.ts'
import { replay, type TunerInput, tuner } from '../../../plugins/tuner/index.ts'
import type { TunerWindow } from '../../../plugins/tuner/types.ts'
import { folderOf } from '../../support/folder.ts'
import { anyWindows } from './any-window.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

async function tuned(t: Teardown, options: Partial<TunerInput> & { mode?: 'apply' | 'suggest' | 'observe' | 'off' }) {
  const app = Fastify()
  const values = { 'admission.max_concurrency': 16, 'upstream.max_size': 100 }
  for (const name of Object.keys(values) as (keyof typeof values)[]) {
    const bounds = { min: 4, max: 200, step: 1 }
    const knob = {
      name,
      scope: 'wiki',
      unit: 'count' as const,
      ...bounds,
      configured: values[name],
      get: () => values[name],
    }
    const set = (value: number) => {
      values[name] = clampToBounds(bounds, value)
    }
    contractOf(app).tunables.declare({ ...knob, set })
  }
  const { mode = 'apply', ...rest } = options
  await app.register(tuner, { routes: { wiki: { upstream: 'wiki', mode } }, ...rest })
  t.teardown(() => app.close())
  return { app, values }
}

/** Attempts alone, then a crowd: the limit has to come down to the tunable's least. */
function crowd(): TunerWindow[] {
  return Array.from({ length: 12 }, (_, i) => {
    const [inflight, ms] = i < 4 ? [1, 20] : [16, 400]
    const attempts = Array.from({ length: 40 }, () => ({
      route: 'wiki',
      upstream: 'wiki',
      ms,
      kind: 'ok' as const,
      inflight,
    }))
    const upstream = {
      ok: 40,
      attempts: 40,
      inflightAvg: inflight,
      inflightMax: inflight,
      limitedFrac: i < 4 ? 0 : 1,
      queueNow: 9,
    }
    return {
      t: 1000 * i,
      upstreams: { wiki: upstream },
      routes: { wiki: { arrivals: 40, ok: 40, utility: 40 } },
      attempts,
    }
  })
}

t.test('apply moves a tunable within its bounds, and says why', async t => {
  const { app, values } = await tuned(t, {})
  for (const window of crowd()) app.tuner.observe(window)
  t.ok(values['admission.max_concurrency'] < 16 && values['admission.max_concurrency'] >= 4)
  t.equal(values['upstream.max_size'], 100)
  const { mode, knobs, log } = app.tuner.status()
  t.equal(mode, 'apply')
  const modes = knobs.map(({ name, mode: own, pinned }) => [name, own, pinned])
  t.strictSame(modes, [
    ['admission.max_concurrency', 'apply', false],
    ['upstream.max_size', 'suggest', false],
  ])
  const entry = log.find(({ knob }) => knob === 'maxConcurrency')
  t.equal(entry?.from, 16)
  t.match(entry?.hypothesis, /as slow as alone/)
})

t.test('suggest and observe change nothing; suggest says what it would set, and does so when told', async t => {
  for (const mode of ['suggest', 'observe'] as const) {
    const { app, values } = await tuned(t, { mode })
    for (const window of crowd()) app.tuner.observe(window)
    t.equal(values['admission.max_concurrency'], 16, mode)
    const suggestion = app.tuner.status().knobs[0]?.suggestion ?? 16
    t.ok(suggestion < 16)
    t.equal(
      app.tuner.applySuggestions(() => true),
      1,
    )
    t.equal(values['admission.max_concurrency'], suggestion)
  }
})

t.test('what would change is told with its reason; once applied, a rollback takes it back', async t => {
  const { app, values } = await tuned(t, { mode: 'suggest' })
  for (const window of crowd()) app.tuner.observe(window)
  const [told, ...others] = app.tuner.status().suggestions
  t.strictSame(others, [])
  t.match(told, {
    scope: 'wiki',
    name: 'admission.max_concurrency',
    from: 16,
    heldBy: 'suggest',
    reason: /as slow as alone/,
  })
  app.tuner.applySuggestions(() => true)
  t.equal(values['admission.max_concurrency'], told?.to)
  t.strictSame(app.tuner.status().suggestions, [])
  t.ok(app.tuner.rollback() > 0)
  t.equal(values['admission.max_concurrency'], 16)
})

t.test('what was pinned after it was applied stays through a rollback', async t => {
  const { app, values } = await tuned(t, { mode: 'suggest' })
  for (const window of crowd()) app.tuner.observe(window)
  app.tuner.applySuggestions(() => true)
  const applied = values['admission.max_concurrency']
  app.tuner.knobs.pin('wiki', 'admission.max_concurrency', undefined, 0)
  app.tuner.rollback()
  t.equal(values['admission.max_concurrency'], applied)
})

t.test('whatever the windows hold, suggest and observe move nothing', async t => {
  for (const mode of ['suggest', 'observe'] as const) {
    const { app, values } = await tuned(t, { mode })
    const before = { ...values }
    fc.assert(
      fc.property(anyWindows('wiki', 'wiki'), windows => {
        for (const window of [...crowd(), ...windows]) app.tuner.observe(window)
        return JSON.stringify(values) === JSON.stringify(before)
      }),
      { numRuns: 50 },
    )
  }
})

t.test('a pinned or frozen knob stays, and off puts back what is configured at once', async t => {
  const { app, values } = await tuned(t, {})
  t.ok(app.tuner.knobs.pin('wiki', 'admission.max_concurrency', 12, 0))
  app.tuner.pinsChanged()
  for (const window of crowd()) app.tuner.observe(window)
  t.equal(values['admission.max_concurrency'], 12)
  t.ok(app.tuner.knobs.pins.delete('wiki', 'admission.max_concurrency'))
  app.tuner.knobs.setMode('wiki', null, 'off')
  t.equal(values['admission.max_concurrency'], 16)
  app.tuner.knobs.setMode('wiki', null, 'apply')
  app.tuner.freeze(true)
  for (const window of crowd()) app.tuner.observe(window)
  t.equal(values['admission.max_concurrency'], 16)
})

t.test('the ledger outlives a restart, unless the upstream is another one or the file is broken', async t => {
  const stateDir = folderOf(t)
  const route = (identity: string) => ({ stateDir, routes: { wiki: { upstream: 'wiki', identity } } })
  const first = await tuned(t, route('a'))
  for (const window of crowd()) first.app.tuner.observe(window)
  await first.app.close()
  const found = first.values['admission.max_concurrency']
  const start = async (identity: string) => {
    const { app, values } = await tuned(t, route(identity))
    t.ok(app.tuner.log.length > 0)
    app.tuner.observe({ t: 0 })
    return values['admission.max_concurrency']
  }
  const again = await start('a')
  t.ok(again < 16 && again > found, `half way between 16 and ${found}: ${again}`)
  t.equal(await start('b'), 16)
  writeFileSync(join(stateDir, 'tuner.json'), '{"version":1,"savedAt":')
  const { app } = await tuned(t, route('a'))
  t.strictSame(app.tuner.log, [])
})

t.test('what was frozen stays so after a restart, until somebody thaws it', async t => {
  const stateDir = folderOf(t)
  const first = await tuned(t, { stateDir })
  first.app.tuner.observe({ t: 0 })
  first.app.tuner.freeze(true)
  // Not closed before the next begins: a process that is killed has nothing left to say.
  const second = await tuned(t, { stateDir })
  t.ok(second.app.tuner.status().frozen)
  for (const window of crowd()) second.app.tuner.observe(window)
  t.equal(second.values['admission.max_concurrency'], 16)
  second.app.tuner.freeze(false)
  t.notOk((await tuned(t, { stateDir })).app.tuner.status().frozen)
})

t.test('recorded windows lead to the same ledger when they are replayed', async t => {
  const { app } = await tuned(t, { stateDir: folderOf(t), routes: { wiki: { upstream: 'wiki' } } })
  const path = app.tuner.record(3) ?? ''
  t.match(JSON.parse(readFileSync(path, 'utf8')), { upstreams: [{ id: 'wiki' }] })
  const [meta = ''] = readFileSync(path, 'utf8').split('\n')
  for (const window of crowd()) app.tuner.observe(window)
  const text = [meta, ...crowd().map(window => JSON.stringify(window))].join('\n')
  t.strictSame(replay(text).log, app.tuner.log)
  t.throws(() => replay('{}'), TypeError)
})
