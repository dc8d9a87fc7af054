/** Windows of any content: what is seen of an upstream and a route, and of others that are not configured. */
import fc from 'fast-check'
import type { TunerWindow } from '../../../plugins/tuner/types.ts'

const anything = fc.oneof(fc.double(), fc.constant(null), fc.constant(undefined), fc.string(), fc.nat(5000))
const anyCounts = (names: readonly string[]) =>
  fc.record(Object.fromEntries(names.map(name => [name, anything])), { requiredKeys: [] })
const anyWindow = (upstream: string, route: string) =>
  fc.record(
    {
      t: anything,
      gateway: fc.record({ cpuUtil: anything }, { requiredKeys: [] }),
      upstreams: fc.dictionary(
        fc.constantFrom(upstream, 'x', '__proto__'),
        anyCounts([
          'arrivals',
          'ok',
          'err5xx',
          'connectErr',
          'inflightAvg',
          'queueNow',
          'queueMax',
          'limitedFrac',
          'shed',
        ]),
      ),
      routes: fc.dictionary(
        fc.constantFrom(route, 'y'),
        anyCounts(['arrivals', 'ok', 'utility', 'byClass', 'hedges', 'changed']),
      ),
      attempts: fc.array(
        fc.record({
          route: fc.constantFrom(route, 'z'),
          upstream: fc.constant(upstream),
          ms: anything,
          kind: fc.constantFrom('ok', '5xx', 'connect', 'timeout'),
          inflight: anything,
          try: anything,
        }),
        { maxLength: 60 },
      ),
      knobs: fc.oneof(fc.constant(null), fc.constant({ upstreams: { [upstream]: { maxConcurrency: 3 } } }), anything),
    },
    { requiredKeys: [] },
  )

export function anyWindows(upstream: string, route: string): fc.Arbitrary<TunerWindow[]> {
  return fc.array(anyWindow(upstream, route), { maxLength: 30 }) as fc.Arbitrary<TunerWindow[]>
}
