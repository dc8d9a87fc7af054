import t from 'tap'
import { isTraceparent } from '../../gateway/trace-context.ts'
import { newTraceIds } from '../../gateway/trace-ids.ts'

t.test('ids of traces are well formed, and no two are the same, beyond one fetch of entropy too', t => {
  const made = Array.from({ length: 1_000 }, () => newTraceIds())
  const badly = made.filter(({ traceId, parentId }) => !isTraceparent(`00-${traceId}-${parentId}-00`))
  t.strictSame(badly, [])
  t.equal(new Set(made.map(({ traceId }) => traceId)).size, made.length)
  t.equal(new Set(made.map(({ parentId }) => parentId)).size, made.length)
  t.end()
})
