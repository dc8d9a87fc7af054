/** Plans that are made once: the same for the same question, right for every other one, and never many of them. */
import t from 'tap'
import { MOST_PLANS, quickPlan } from '../../../../plugins/cache/answer/quick-plan.ts'
import type { Passage } from '../../../../plugins/cache/passage.ts'
import { readRequestFacts } from '../../../../plugins/cache/rules/request-facts.ts'
import type { StoredEntry } from '../../../../plugins/cache/stores/index.ts'
import { noForms, StoredForms } from '../../../../plugins/cache/variants/sorted-set.ts'
import { flat, kept, type Line } from '../rules/support.ts'

function formsOf(tag = '"a"'): StoredForms {
  const lines: Line[] = [
    ['Cache-Control', 'max-age=3600'],
    ['Content-Type', 'image/png'],
    ['ETag', tag],
  ]
  const head = { ...kept(lines), ownTag: null } as unknown as StoredEntry['head']
  return new StoredForms({ head, bodyLength: 100 } as StoredEntry, noForms)
}

function passageOf(lines: readonly Line[], method = 'GET'): Passage {
  return { request: { method }, facts: readRequestFacts(flat(lines)) } as unknown as Passage
}

const condition = (value: string, acceptEncoding = 'gzip'): Passage =>
  passageOf([
    ['If-None-Match', value],
    ['Accept-Encoding', acceptEncoding],
  ])

t.test('the same question has the same plan', async t => {
  const forms = formsOf()
  for (const ask of [() => passageOf([]), () => passageOf([], 'HEAD'), () => condition('"a"'), () => condition('*')]) {
    const plan = quickPlan(ask(), forms, null)
    t.not(plan, null)
    t.equal(quickPlan(ask(), forms, null), plan)
  }
})

t.test('the tag of a coding is known to those who take it, whoever asked first', async t => {
  const asked: [acceptEncoding: string, status: number][] = [
    ['br', 304],
    ['identity', 200],
    ['gzip, br', 304],
    ['gzip', 200],
  ]
  for (const order of [asked, asked.toReversed()]) {
    const forms = formsOf()
    for (const [acceptEncoding, status] of order) {
      const plan = quickPlan(condition('"a~hg-br"', acceptEncoding), forms, null)
      t.equal(plan?.plan.status, status, acceptEncoding)
    }
  }
})

t.test('what a client makes up is not remembered', async t => {
  const forms = formsOf()
  for (const text of ['"b"', `"${'b'.repeat(30_000)}"`, `"a", "${'b'.repeat(30_000)}"`]) {
    const plan = quickPlan(condition(text), forms, null)
    t.equal(plan?.plan.status, text.startsWith('"a"') ? 304 : 200)
    t.not(quickPlan(condition(text), forms, null), plan, text.slice(0, 20))
  }
})

t.test('all answers together have so many plans', async t => {
  const twice = (forms: StoredForms) => [1, 2].map(() => quickPlan(condition('"a"'), forms, null)?.plan.status)
  const first = formsOf()
  t.same(twice(first), [304, 304])
  t.not(first.prepared, null)
  const others = Array.from({ length: MOST_PLANS }, () => formsOf())
  for (const forms of others) twice(forms)
  t.equal(first.prepared, null)
  t.ok(others.filter(forms => forms.prepared !== null).length <= MOST_PLANS / 2)
  t.same(twice(first), [304, 304])
})

t.test('one answer has so many, however often it is asked for', async t => {
  const forms = formsOf()
  quickPlan(passageOf([]), forms, null)
  quickPlan(passageOf([]), forms, null)
  const before = forms.prepared
  // Each matches, as a list that names the tag among others.
  for (let i = 0; i <= MOST_PLANS; i++) quickPlan(condition(`"a", "${i}"`), forms, null)
  t.not(before, null)
  t.not(forms.prepared, before)
})
