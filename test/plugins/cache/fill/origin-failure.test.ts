import t from 'tap'
import { nobodyWaits } from '../../../../plugins/cache/errors.ts'
import { failureOf } from '../../../../plugins/cache/fill/origin-failure.ts'
import { upstreamFailure } from '../../../../plugins/upstream/index.ts'

t.test('every way to fail has its word', async t => {
  const kinds = {
    connect: ['dns', 'refused', 'unreachable', 'certificate', 'tls'],
    timeout: ['headTimeout', 'bodyTimeout', 'connectTimeout', 'queueTimeout'],
    cut: ['incomplete', 'invalid', 'headTooLarge', 'reset'],
    'circuit-open': ['noOrigin', 'full'],
  } as const
  for (const [word, names] of Object.entries(kinds)) {
    for (const name of names) t.equal(failureOf(upstreamFailure(name, true)), word, name)
  }
})

t.test('what is no failure of an origin has the worst word', async t => {
  t.equal(failureOf(new TypeError('a bug')), 'cut')
  t.equal(failureOf(nobodyWaits()), 'cut')
})
