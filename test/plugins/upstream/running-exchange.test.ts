/** An exchange that was lent a connection which never begins with it: it ends in time and is settled once. */
import { Socket } from 'node:net'
import t from 'tap'
import { type AttemptRecord, Channel } from '../../../plugins/contract/index.ts'
import type { ExchangeHandler, OriginConnection } from '../../../plugins/upstream/exchange.ts'
import type { ExchangePool } from '../../../plugins/upstream/exchange-host.ts'
import { RunningExchange } from '../../../plugins/upstream/running-exchange.ts'

/** A connection that keeps what it is given, and a pool that counts. */
function lend() {
  const kept: ExchangeHandler[] = []
  const connection: OriginConnection = {
    socket: new Socket(),
    capacity: 100,
    inFlight: 1,
    bornMs: 0,
    used: false,
    dispatch: (_request, handler) => void kept.push(handler),
    close: () => {},
    destroy: () => {},
  }
  const settled: (string | null)[] = []
  const pool: ExchangePool = {
    address: { url: 'h2c://a' },
    crowding: 1,
    leave: () => settled.push('left'),
    settle: (_exchange, failure) => settled.push(failure),
    countAnswer: () => {},
    closeIdle: () => {},
  }
  const errors: Error[] = []
  const host = {
    ...{ name: 'a', headTimeoutMs: 100, idleTimeoutMs: 100, originCount: 1 },
    attempts: new Channel<AttemptRecord>(),
    assign: () => true,
    answered: () => {},
    failed: () => {},
  }
  const request = { method: 'GET', path: '/', headers: [], body: null, bodyLength: null }
  const exchange = new RunningExchange(host, request, { onResponseError: (_controller, error) => errors.push(error) })
  exchange.start()
  exchange.pool = pool
  exchange.runOn(connection, 1_000)
  return { exchange, kept, settled, errors }
}

const controller = (aborted: Error[]) => ({
  abort: (reason: Error) => void aborted.push(reason),
  pause: () => {},
  resume: () => {},
  aborted: false,
  paused: false,
  reason: null,
  rawHeaders: null,
  rawTrailers: null,
})

t.test('it is timed out like one that waits for its head', async t => {
  const { exchange, kept, settled, errors } = lend()
  exchange.checkTime(1_100)
  t.equal(errors.length, 0)
  exchange.checkTime(1_101)
  t.match(errors, [{ code: 'HG_UPSTREAM_TIMEOUT' }])
  t.strictSame(settled, ['headTimeout'])
  const aborted: Error[] = []
  kept[0]?.onRequestStart?.(controller(aborted), {})
  t.equal(aborted.length, 1, 'a late begin is given up')
  kept[0]?.onResponseError?.(controller([]), aborted[0] as Error)
  t.equal(settled.length, 1)
  t.equal(errors.length, 1)
})

t.test('its caller can leave, and the pool hears of it once', async t => {
  const { exchange, kept, settled, errors } = lend()
  exchange.abort(new Error('the client left'))
  t.match(errors, [{ message: 'the client left' }])
  t.strictSame(settled, ['aborted'])
  const aborted: Error[] = []
  kept[0]?.onRequestStart?.(controller(aborted), {})
  t.match(aborted, [{ message: 'the client left' }])
  kept[0]?.onResponseError?.(controller([]), aborted[0] as Error)
  t.equal(settled.length, 1)
})
