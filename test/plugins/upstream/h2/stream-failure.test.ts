/** What a closed stream means for its request. */
import { constants } from 'node:http2'
import t from 'tap'
import { type BrokenStream, decideStreamFailure } from '../../../../plugins/upstream/h2/stream-failure.ts'

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_PROTOCOL_ERROR, NGHTTP2_REFUSED_STREAM } = constants
const plain: BrokenStream = { rstCode: 0, id: 5, lastStreamId: null, hasHead: false, hasReadBody: false }

const cases: [string, Partial<BrokenStream>, string, boolean][] = [
  ['no code', {}, 'reset', false],
  ['cancelled', { rstCode: NGHTTP2_CANCEL }, 'reset', false],
  ['in mid-answer', { hasHead: true }, 'incomplete', false],
  ['refused in mid-answer', { hasHead: true, rstCode: NGHTTP2_REFUSED_STREAM }, 'incomplete', false],
  ['refused', { rstCode: NGHTTP2_REFUSED_STREAM }, 'reset', true],
  ['refused with a body that is gone', { rstCode: NGHTTP2_REFUSED_STREAM, hasReadBody: true }, 'reset', false],
  ['above the last stream', { lastStreamId: 3 }, 'reset', true],
  ['above the last stream with a body that is gone', { lastStreamId: 3, hasReadBody: true }, 'reset', false],
  ['the last stream', { lastStreamId: 5 }, 'reset', false],
  ['never opened', { id: undefined }, 'reset', true],
  ['malformed', { rstCode: NGHTTP2_PROTOCOL_ERROR }, 'invalid', false],
  ['busy', { rstCode: NGHTTP2_ENHANCE_YOUR_CALM }, 'reset', false],
]

t.test('the kind of a failure, and whether the request may be sent again', async t => {
  for (const [name, stream, kind, unsent] of cases) {
    const decision = decideStreamFailure({ ...plain, ...stream })
    t.match(decision, { kind, unsent }, name)
    // Whether the body is still there is another question than whether the origin has done something with it.
    const whole = decideStreamFailure({ ...plain, ...stream, hasReadBody: false })
    t.equal(decision.unprocessed, whole.unsent, name)
  }
})
