import t from 'tap'
import { renderAllocations, sumAllocations } from '../../bench/allocation-profile.ts'

const frame = (functionName: string, url: string, lineNumber: number) => ({ functionName, url, lineNumber })

const head = frame('head', 'file:///home/me/app/dist/gateway/app.js', 9)
const profile = {
  head: {
    callFrame: frame('(root)', '', -1),
    selfSize: 0,
    children: [
      { callFrame: head, selfSize: 3000, children: [{ callFrame: frame('', '', -1), selfSize: 1000, children: [] }] },
      {
        callFrame: frame('send', '/home/me/app/node_modules/fastify/lib/reply.js', 0),
        selfSize: 0,
        children: [{ callFrame: head, selfSize: 6000, children: [] }],
      },
    ],
  },
}

t.test('what a function allocates is summed over its callers', async t => {
  t.strictSame(sumAllocations(profile, '/home/me/app'), [
    { name: 'head', place: 'dist/gateway/app.js:10', bytes: 9000, share: 0.9 },
    { name: '(anonymous)', place: '', bytes: 1000, share: 0.1 },
  ])
})

t.test('the table gives bytes a request, all together first', async t => {
  const text = renderAllocations(sumAllocations(profile, '/home/me/app'), 1, 10)
  t.match(text, '| 100.0 | 1000 | all | |\n| 90.0 | 900 | head | dist/gateway/app.js:10 |')
  t.equal(text.split('\n').length, 4)
})
