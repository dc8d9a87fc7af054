import t from 'tap'
import {
  decidePlace,
  isBelievedHeld,
  learnShape,
  type PlaceHolder,
  pathShape,
  type ShapeHistory,
  unknownShape,
} from '../../../../plugins/admission/rules/long-held.ts'

const sent: PlaceHolder = { nowMs: 10_000, startedMs: 9_000, sentMs: 9_000, headMs: 0, answersMeanwhile: 50, ratio: 1 }

const cases: readonly (readonly [string, Partial<PlaceHolder>, boolean, string])[] = [
  ['the origin works', {}, true, 'works'],
  ['the answer comes', { headMs: 9_900 }, true, 'transfers'],
  ['a film', { headMs: 9_400 }, false, 'long-transfer'],
  ['a small upload', { sentMs: 0, startedMs: 9_500 }, true, 'uploads'],
  ['a phone sends its films', { sentMs: 0, startedMs: 8_000 }, false, 'long-upload'],
  ['others are answered well meanwhile', { sentMs: 5_000 }, false, 'long-held'],
  ['others wait as well', { sentMs: 5_000, ratio: 5 }, true, 'all-are-slow'],
  ['hardly anything else was answered', { sentMs: 5_000, answersMeanwhile: 4 }, true, 'all-are-slow'],
  ['nothing is known of others', { sentMs: 5_000, ratio: null }, true, 'all-are-slow'],
]

t.test('a place is held by what the origin works on', async t => {
  for (const [name, holder, holds, reason] of cases) {
    t.strictSame(decidePlace({ ...sent, ...holder }), { holds, reason }, name)
  }
})

t.test('a shape of paths is believed to be a long poll after two, and no more after three quick answers', async t => {
  const after = (...held: boolean[]) => held.reduce<ShapeHistory>(learnShape, unknownShape)
  t.notOk(isBelievedHeld(after(true)))
  t.ok(isBelievedHeld(after(true, true)))
  t.ok(isBelievedHeld(after(true, true, false, false)))
  t.notOk(isBelievedHeld(after(true, true, false, false, false)))
  t.ok(isBelievedHeld(after(true, true, false, false, true, false, false)))
})

t.test('names of things do not make shapes of their own', async t => {
  t.equal(pathShape('/poll?since=17'), '/poll')
  t.equal(pathShape('/api/v2/item/1742/poll'), '/api/v2/item/*/poll')
  t.equal(pathShape('/a/8'), '/a/*')
  t.equal(pathShape('/x/0b7e2c1f-33aa'), '/x/*')
  t.equal(pathShape('/abcdefghijklmnopqrstuvwxyz'), '/*')
  t.equal(pathShape('/a/b/c/d/e/f/g/h'), '/a/b/c/d/e/f')
})
