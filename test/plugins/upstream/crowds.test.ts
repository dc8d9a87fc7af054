/** Attempts of several groups at one origin, over real sockets: each record tells of all that ran there. */
import type { Socket } from 'node:net'
import t from 'tap'
import { Crowds } from '../../../plugins/upstream/crowds.ts'
import { answer } from '../../support/raw-origin.ts'
import { bareUpstreams, begin, resolved, startOrigin, until } from './support.ts'

t.test('an attempt is told with all that ran at its origin when it began, from whichever group', async t => {
  const held: Socket[] = []
  const origin = await startOrigin(t, (_request, socket) => void held.push(socket))
  const { upstreams, journal } = bareUpstreams(t)
  const group = resolved({ origins: [{ url: origin.url }] })
  const seen: [string, number][] = []
  journal.attempts.listen(({ upstream, inFlight }) => seen.push([upstream, inFlight]))
  upstreams.apply({ wiki: group, photos: group })
  const answers = []
  for (const [i, name] of ['wiki', 'photos', 'photos'].entries()) {
    answers.push(begin(upstreams, {}, name).answer)
    await until('it to arrive', () => held.length === i + 1)
  }
  for (const socket of held.splice(0)) socket.write(answer(200, {}, 'ok'))
  await Promise.all(answers)
  t.same(new Set(seen.map(String)), new Set(['wiki,1', 'photos,2', 'photos,3']))
  const last = begin(upstreams, {}, 'wiki').answer
  await until('it to arrive', () => held.length === 1)
  held[0]?.write(answer(200, {}, 'ok'))
  await last
  t.strictSame(seen.at(-1), ['wiki', 1], 'what has ended counts no more')
})

t.test('an origin is forgotten with its last pool', async t => {
  const crowds = new Crowds()
  const crowd = crowds.join('http://a')
  t.equal(crowds.join('http://a'), crowd)
  crowds.leave('http://a')
  t.equal(crowds.join('http://a'), crowd)
  crowds.leave('http://a')
  crowds.leave('http://a')
  t.not(crowds.join('http://a'), crowd)
})
