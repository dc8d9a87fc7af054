/** Streams that an HTTP/2 origin resets one by one: it has seen each of them, and is asked as often as the file says. */
import t from 'tap'
import { rawH2Origin } from '../plugins/upstream/h2/raw-origin-h2.ts'
import { base, startGateway } from '../support/gateway.ts'
import { exchange } from '../support/raw-client.ts'
import { get, route } from './support.ts'

const END_STREAM = 1
const ENHANCE_YOUR_CALM = 11
/** Of `request_optimization.retry_attempts`, the first one counted. */
const ATTEMPTS = 3

t.test('a stream that is reset is no kept connection that closes', async t => {
  const origin = await rawH2Origin(t, (stream, count) => {
    if (count === 1) stream.head(204, [], END_STREAM)
    else stream.reset(ENHANCE_YOUR_CALM)
  })
  const { port } = await startGateway(t, `${base}routes:\n${route('app', '/', origin.url)}`)
  t.equal((await exchange(port, get())).status, 204)
  const { status } = await exchange(port, get())
  t.equal(status, 502)
  t.equal(origin.streams.length, 1 + ATTEMPTS)
})
