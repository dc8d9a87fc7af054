import { once } from 'node:events'
import { request } from 'node:http'
import t from 'tap'
import { generatedBytes, RANGE_SIZE } from '../../../gateway/demo/bytes.ts'
import { decideRange, MAX_RANGES } from '../../../gateway/demo/range.ts'
import { ask, startTestDemo } from './support.ts'

t.test('a Range field becomes ranges, the whole or nothing', async t => {
  const all = (reason: string) => ({ send: 'all', reason })
  const some = (...ranges: [number, number][]) => ({
    send: 'ranges',
    reason: 'satisfiable',
    ranges: ranges.map(([first, last]) => ({ first, last })),
  })
  const none = { send: 'none', reason: 'unsatisfiable' }
  const cases: [string | undefined, object][] = [
    [undefined, all('no-range')],
    ['bytes=0-0', some([0, 0])],
    ['bytes=0-99', some([0, 99])],
    ['bytes=10-', some([10, 99])],
    ['BYTES = 10-20', some([10, 20])],
    ['bytes=-1', some([99, 99])],
    ['bytes=-1000', some([0, 99])],
    ['bytes=90-1000', some([90, 99])],
    ['bytes=0-99999999999999999999999', some([0, 99])],
    ['bytes=0-1, 5-6,-2', some([0, 1], [5, 6], [98, 99])],
    ['bytes=0-1,200-300', some([0, 1])],
    ['bytes=100-', none],
    ['bytes=-0', none],
    ['bytes=99999999999999999999-', none],
    ['bytes=5-4', all('malformed')],
    ['bytes=', all('malformed')],
    ['bytes=-', all('malformed')],
    ['bytes=5', all('malformed')],
    ['bytes=a-b', all('malformed')],
    ['bytes=1-2,', all('malformed')],
    ['bytes=0x1-2', all('malformed')],
    ['bytes 1-2', all('other-unit')],
    ['pages=1-2', all('other-unit')],
    [`bytes=${Array.from({ length: MAX_RANGES + 1 }, (_, i) => `${i}-${i}`).join(',')}`, all('too-many')],
  ]
  for (const [field, expected] of cases) t.strictSame(decideRange(field, 100), expected, String(field))
})

t.test('every part is the same bytes as in the whole', async t => {
  const demo = await startTestDemo(t)
  const whole = await ask(demo, '/range')
  t.equal(whole.status, 200)
  t.equal(whole.body.length, RANGE_SIZE)
  t.equal(whole.headers['accept-ranges'], 'bytes')
  const cases: [string, number, number][] = [
    ['bytes=0-0', 0, 0],
    ['bytes=65520-65521', 65_520, 65_521],
    ['bytes=1000000-2000000', 1_000_000, 2_000_000],
    ['bytes=-5', RANGE_SIZE - 5, RANGE_SIZE - 1],
  ]
  for (const [range, first, last] of cases) {
    const part = await ask(demo, '/range', { headers: { range } })
    t.equal(part.status, 206)
    t.equal(part.headers['content-range'], `bytes ${first}-${last}/${RANGE_SIZE}`)
    t.ok(part.body.equals(whole.body.subarray(first, last + 1)), range)
  }
})

t.test('several ranges come as parts with the length that was announced', async t => {
  const demo = await startTestDemo(t)
  const { status, headers, body } = await ask(demo, '/range', { headers: { range: 'bytes=1-3,70000-70002' } })
  t.equal(status, 206)
  t.equal(Number(headers['content-length']), body.length)
  t.match(headers['content-type'], /^multipart\/byteranges; boundary=/)
  const bytes = (first: number, last: number) => Buffer.concat([...generatedBytes({ first, last })]).toString('latin1')
  const text = body.toString('latin1')
  t.ok(text.includes(`Content-Range: bytes 1-3/${RANGE_SIZE}\r\n\r\n${bytes(1, 3)}\r\n--`))
  t.ok(text.includes(`Content-Range: bytes 70000-70002/${RANGE_SIZE}\r\n\r\n${bytes(70_000, 70_002)}\r\n--`))
  t.ok(text.endsWith('--\r\n'))
})

t.test('If-Range, HEAD and conditions are obeyed, a range beyond the end is 416', async t => {
  const demo = await startTestDemo(t)
  const { etag, 'last-modified': modified } = (await ask(demo, '/range', { method: 'HEAD' })).headers
  const range = 'bytes=0-9'
  const cases: [string, Record<string, string>, number][] = [
    ['GET', { range, 'if-range': String(etag) }, 206],
    ['GET', { range, 'if-range': String(modified) }, 206],
    ['GET', { range, 'if-range': `W/${etag}` }, 200],
    ['GET', { range, 'if-range': '"other"' }, 200],
    ['HEAD', { range }, 200],
    ['GET', { range: `bytes=${RANGE_SIZE}-` }, 416],
    ['GET', { range, 'if-none-match': String(etag) }, 304],
  ]
  for (const [method, headers, expected] of cases) {
    const answer = await ask(demo, '/range', { method, headers })
    t.equal(answer.status, expected, JSON.stringify(headers))
    if (expected === 416) t.equal(answer.headers['content-range'], `bytes */${RANGE_SIZE}`)
  }
})

t.test('the large answer has the size that was asked for, within bounds', async t => {
  const demo = await startTestDemo(t)
  const cases: [string, number][] = [
    ['?mb=2', 2],
    ['?mb=0', 0],
    ['?mb=-5', 0],
    ['?mb=abc', 16],
    ['', 16],
    ['?mb=99999', 1024],
    ['?mb=Infinity', 16],
  ]
  for (const [query, mb] of cases) {
    const head = await ask(demo, `/large${query}`, { method: 'HEAD' })
    t.equal(Number(head.headers['content-length']), mb * 1024 ** 2, query)
  }
  t.equal((await ask(demo, '/large?mb=2')).body.length, 2 * 1024 ** 2)
})

t.test('a client that does not read costs no memory, one that leaves ends the stream', async t => {
  const demo = await startTestDemo(t)
  const req = request(`${demo.url}/large?mb=1024`, { agent: false })
  req.on('error', () => {})
  req.end()
  const [res] = await once(req, 'response')
  const before = process.memoryUsage().rss
  await ask(demo, '/large?mb=64')
  t.ok(process.memoryUsage().rss - before < 256 * 1024 ** 2)
  res.destroy()
  await demo.close()
})
