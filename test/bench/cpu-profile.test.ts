import t from 'tap'
import { renderFunctions, sumSelfTimes } from '../../bench/cpu-profile.ts'

const frame = (functionName: string, url: string, lineNumber: number) => ({ functionName, url, lineNumber })

const profile = {
  startTime: 1_000_000,
  nodes: [
    { id: 1, callFrame: frame('(idle)', '', -1) },
    { id: 2, callFrame: frame('route', 'file:///home/me/app/dist/gateway/app.js', 9) },
    { id: 3, callFrame: frame('route', 'file:///home/me/app/dist/gateway/app.js', 9) },
    { id: 4, callFrame: frame('', '/home/me/app/node_modules/undici/lib/core/util.js', 0) },
    { id: 5, callFrame: frame('(garbage collector)', '', -1) },
  ],
  samples: [5, 2, 3, 1, 4, 5],
  timeDeltas: [50_000, 30_000, 30_000, 900_000, 40_000, 70_000],
}

t.test('self time is summed by function within the span, idle time apart', async t => {
  const functions = sumSelfTimes(profile, '/home/me/app', { startTime: 1_060_000, endTime: 2_060_000 })
  t.strictSame(functions, [
    { name: 'route', place: 'dist/gateway/app.js:10', selfMs: 60, share: 0.6 },
    { name: '(anonymous)', place: 'undici/lib/core/util.js:1', selfMs: 40, share: 0.4 },
  ])
})

t.test('the table holds the first functions only', async t => {
  const functions = sumSelfTimes(profile, '/home/me/app', { startTime: 0, endTime: 9e9 })
  t.equal(functions[0]?.name, '(garbage collector)')
  const text = renderFunctions(functions, 2)
  t.match(text, '| 27.3 | 60 | route | dist/gateway/app.js:10 |')
  t.equal(text.split('\n').length, 4)
})
