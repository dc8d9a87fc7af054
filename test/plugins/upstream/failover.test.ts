import fc from 'fast-check'
import t from 'tap'
import type { FailureKind } from '../../../plugins/upstream/errors.ts'
import { decideResend, type FailedAttempt, MAX_STALE_RESENDS } from '../../../plugins/upstream/failover.ts'

const base: FailedAttempt = {
  kind: 'reset',
  unsent: false,
  onKeptConnection: true,
  method: 'GET',
  hasBody: false,
  staleResends: 0,
  untriedOrigins: 1,
}

t.test('what failed is sent again only where that is safe', async t => {
  const cases: [string, Partial<FailedAttempt>, string | false, string][] = [
    ['refused, another origin left', { kind: 'refused', unsent: true }, 'other-origin', 'unsent'],
    ['a POST, refused', { kind: 'refused', unsent: true, method: 'POST', hasBody: true }, 'other-origin', 'unsent'],
    ['refused everywhere', { kind: 'refused', unsent: true, untriedOrigins: 0 }, false, 'no-origin-left'],
    ['no connection in time', { kind: 'connectTimeout', unsent: true }, 'other-origin', 'unsent'],
    ['a bad certificate', { kind: 'certificate', unsent: true }, 'other-origin', 'unsent'],
    ['a kept connection closed on a GET', {}, 'new-connection', 'kept-connection-closed'],
    ['… on a HEAD', { method: 'HEAD' }, 'new-connection', 'kept-connection-closed'],
    ['… on OPTIONS', { method: 'OPTIONS' }, 'new-connection', 'kept-connection-closed'],
    ['… the only origin is enough', { untriedOrigins: 0 }, 'new-connection', 'kept-connection-closed'],
    ['… on a POST', { method: 'POST' }, false, 'not-safe'],
    ['… on a PUT', { method: 'PUT' }, false, 'not-safe'],
    ['… on a DELETE', { method: 'DELETE' }, false, 'not-safe'],
    ['… on PROPFIND', { method: 'PROPFIND' }, false, 'not-safe'],
    ['… on a lower-case get, which is another method', { method: 'get' }, false, 'not-safe'],
    ['… on a GET with a body', { hasBody: true }, false, 'not-safe'],
    ['… too often', { staleResends: MAX_STALE_RESENDS }, false, 'sent'],
    ['a new connection closed', { onKeptConnection: false }, false, 'sent'],
    ['a POST that never left', { unsent: true, method: 'POST', hasBody: true }, 'new-connection', 'unsent'],
    ['a POST that never left, too often', { unsent: true, method: 'POST', staleResends: 2 }, false, 'sent'],
    ['a cut answer', { kind: 'incomplete' }, false, 'sent'],
    ['an invalid answer', { kind: 'invalid' }, false, 'sent'],
    ['no answer in time', { kind: 'headTimeout' }, false, 'sent'],
    ['given up by the caller', { kind: 'aborted', unsent: true }, false, 'given-up'],
  ]
  for (const [name, change, resend, reason] of cases) {
    const decision: { resend: string | false; reason: string } = decideResend({ ...base, ...change })
    t.equal(decision.resend, resend, name)
    // Every repetition is unsent or of a safe method; why not is worth a word only where somebody reads it.
    t.equal(decision.reason, reason, `${name}: reason`)
  }
})

const kinds: FailureKind[] = [
  ...(['dns', 'refused', 'unreachable', 'connectTimeout', 'certificate', 'tls', 'reset', 'incomplete'] as const),
  ...([
    'invalid',
    'headTooLarge',
    'headTimeout',
    'bodyTimeout',
    'full',
    'queueTimeout',
    'noOrigin',
    'aborted',
  ] as const),
]
/** By their nature before the first byte. */
const unsentKinds = new Set([
  'dns',
  'refused',
  'unreachable',
  'connectTimeout',
  'certificate',
  'tls',
  'full',
  'queueTimeout',
  'noOrigin',
])

t.test('whatever happened, a request that may have arrived is repeated only if it is safe and bodyless', async () => {
  const attempt = fc.record({
    kind: fc.constantFrom(...kinds),
    unsent: fc.boolean(),
    onKeptConnection: fc.boolean(),
    method: fc.constantFrom('GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'MOVE', 'get'),
    hasBody: fc.boolean(),
    staleResends: fc.nat(4),
    untriedOrigins: fc.nat(3),
  })
  fc.assert(
    fc.property(attempt, given => {
      const unsent = given.unsent || unsentKinds.has(given.kind)
      const { resend } = decideResend({ ...given, unsent })
      if (resend === false || unsent) return true
      const isSafe = ['GET', 'HEAD', 'OPTIONS'].includes(given.method) && !given.hasBody
      return isSafe && given.kind === 'reset' && given.onKeptConnection && given.staleResends < MAX_STALE_RESENDS
    }),
    { numRuns: 500 },
  )
})
