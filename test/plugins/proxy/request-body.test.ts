import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { bodyLength, RequestBody } from '../../../plugins/proxy/request-body.ts'

t.test('the head tells whether there is a body and how long it is', async t => {
  const cases: [string, object, number | 'unknown' | null][] = [
    ['nothing', {}, null],
    ['a length', { 'content-length': '5' }, 5],
    ['ten gigabytes', { 'content-length': '10737418240' }, 10_737_418_240],
    ['length zero', { 'content-length': '0' }, null],
    ['chunked', { 'transfer-encoding': 'chunked' }, 'unknown'],
    ['chunked wins over a length', { 'transfer-encoding': 'chunked', 'content-length': '5' }, 'unknown'],
  ]
  for (const [name, headers, wanted] of cases) t.equal(bodyLength({ headers } as IncomingMessage), wanted, name)
  const h2 = (endAfterHeaders: boolean, headers = {}) =>
    ({ headers, stream: { endAfterHeaders } }) as unknown as IncomingMessage
  t.equal(bodyLength(h2(true)), null, 'HTTP/2 that ended with its head')
  t.equal(bodyLength(h2(false)), 'unknown', 'HTTP/2 that goes on')
  t.equal(bodyLength(h2(false, { 'content-length': '7' })), 7, 'HTTP/2 with a length')
})

/** A request as the sweep sees it: a stream with `complete`. */
function upload(limits: { maxBytes: number | null; idleMs: number }) {
  const request = Object.assign(new PassThrough(), { complete: false })
  const reports: string[] = []
  const counted: number[] = []
  const body = new RequestBody(request as unknown as IncomingMessage, limits, {
    onBytes: count => counted.push(count),
    onExceeded: () => reports.push('exceeded'),
    onStalled: () => reports.push('stalled'),
  })
  return { request, body, reports, counted }
}

t.test('watching a body does not start its flow', async t => {
  const { request, body, counted } = upload({ maxBytes: null, idleMs: 1_000 })
  request.write('abc')
  t.ok(request.isPaused())
  t.equal(body.bytes, 0)
  request.resume()
  await new Promise(setImmediate)
  t.equal(body.bytes, 3)
  t.strictSame(counted, [3])
})

t.test('one byte above the limit is reported, once; the limit itself is not', async t => {
  const { request, body, reports } = upload({ maxBytes: 5, idleMs: 1_000 })
  request.resume()
  for (const [piece, wanted] of [
    ['abc', []],
    ['de', []],
    ['f', ['exceeded']],
    ['ghi', ['exceeded']],
  ] as const) {
    request.write(piece)
    await new Promise(setImmediate)
    t.strictSame(reports, wanted)
  }
  body.checkTime(performance.now() + 60_000)
  t.strictSame(reports, ['exceeded'], 'nothing else after it')
})

t.test('only silence of the client counts as a stall', async t => {
  const { request, body, reports } = upload({ maxBytes: null, idleMs: 1_000 })
  const now = performance.now()
  body.checkTime(now + 5_000)
  t.strictSame(reports, [], 'the origin does not read yet')
  request.resume()
  await new Promise(setImmediate)
  body.checkTime(now + 5_900)
  t.strictSame(reports, [], 'the clock began when the origin read')
  body.checkTime(now + 6_100)
  body.checkTime(now + 9_000)
  t.strictSame(reports, ['stalled'])
})

t.test('a body that is complete cannot stall', async t => {
  const { request, body, reports } = upload({ maxBytes: null, idleMs: 1_000 })
  request.resume()
  request.complete = true
  body.checkTime(performance.now() + 60_000)
  t.strictSame(reports, [])
})

t.test('a client that waits is told to go on when the origin reads, and only if nothing was answered', async t => {
  for (const headersSent of [false, true]) {
    const { request, body } = upload({ maxBytes: null, idleMs: 1_000 })
    let continues = 0
    const response = Object.assign(new EventEmitter(), {
      headersSent,
      destroyed: false,
      writeContinue: () => continues++,
    })
    body.continueWhenRead(response as never)
    await new Promise(setImmediate)
    t.equal(continues, 0)
    request.resume()
    await new Promise(setImmediate)
    t.equal(continues, headersSent ? 0 : 1)
  }
})
