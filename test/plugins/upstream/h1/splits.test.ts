import t from 'tap'
import { connect, exchange, get, type Outcome, receivedBytes, recorder, startOrigin, turn } from './support.ts'

interface Case {
  readonly method: string
  readonly answer: string
  readonly body: string
  /** The end is the close of the connection. */
  readonly untilClose?: boolean
  /** Nothing may follow on the connection. */
  readonly isLast?: boolean
}

const cases: Case[] = [
  { method: 'GET', answer: 'HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\nhello', body: 'hello' },
  {
    method: 'GET',
    answer:
      'HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n2\r\nde\r\n0\r\nT: u\r\n\r\n',
    body: 'abcde',
  },
  { method: 'GET', answer: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', body: '' },
  { method: 'HEAD', answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', body: '', isLast: true },
  { method: 'GET', answer: 'HTTP/1.0 200 OK\r\nX: y\r\n\r\nhello', body: 'hello', untilClose: true },
]

/** Sends an answer in two reads, cut at `cut`; with `isCut` the connection closes there. */
async function run(
  t: { teardown(fn: () => unknown): void },
  given: Case,
  cut: number,
  isCut: boolean,
): Promise<Outcome> {
  const parts = isCut ? [given.answer.slice(0, cut)] : [given.answer.slice(0, cut), given.answer.slice(cut)]
  const origin = await startOrigin(t, socket => {
    socket.write(parts[0]!, 'latin1')
    if (isCut) socket.end()
  })
  const { connection, socket } = await connect(t, origin.port)
  const handler = recorder()
  connection.dispatch(get('/', given.method), handler)
  if (!isCut) {
    await receivedBytes(socket, cut)
    origin.sockets[0]!.write(parts[1]!, 'latin1')
    if (given.untilClose) origin.sockets[0]!.end()
  }
  const outcome = await handler.done
  socket.destroy()
  return outcome
}

t.test('an answer is the same however it is cut into two reads', async t => {
  for (const given of cases) {
    const whole = await run(t, given, given.answer.length, false)
    t.match(whole, { body: given.body, failure: null })
    for (let cut = 1; cut < given.answer.length; cut++) {
      const { error: _, ...outcome } = await run(t, given, cut, false)
      const { error: __, ...expected } = whole
      t.strictSame(outcome, expected, `cut at ${cut}`)
    }
  }
})

t.test('an answer that is cut off at any byte fails, and what was handed out is its beginning', async t => {
  for (const given of cases) {
    const bodyStart = given.answer.indexOf('\r\n\r\n') + 4
    for (let cut = 0; cut < given.answer.length; cut++) {
      const outcome = await run(t, given, cut, true)
      if (given.untilClose && cut >= bodyStart) t.equal(outcome.failure, null, 'only a close can end it')
      else t.equal(outcome.failure, cut === 0 ? 'reset' : 'incomplete', `cut at ${cut}`)
      t.ok(given.body.startsWith(outcome.body))
    }
  }
})

t.test('a byte at a time gives the same answer as all at once', async t => {
  for (const given of cases.filter(({ untilClose }) => !untilClose)) {
    const origin = await startOrigin(t, () => {})
    const { connection, told } = await connect(t, origin.port)
    const handler = recorder()
    connection.dispatch(get('/', given.method), handler)
    await turn()
    // The entry of received bytes itself, always with the same buffer, as a recycled one is.
    const recycled = Buffer.alloc(1)
    for (const character of given.answer) {
      recycled.write(character, 'latin1')
      connection.consume(recycled, false)
    }
    t.match(await handler.done, { body: given.body, failure: null })
    t.strictSame(told, given.isLast === true ? [] : ['free'])
  }
})

t.test('an answer is handed over in the turn in which it arrives', async t => {
  const origin = await startOrigin(t, () => {})
  const { connection } = await connect(t, origin.port)
  const handler = recorder()
  connection.dispatch(get(), handler)
  await turn()
  connection.consume(Buffer.from(cases[1]!.answer))
  t.equal(handler.outcome.calls.at(-1), 'end')
  t.strictSame(handler.outcome.rawTrailers, ['T', 'u'])
  t.equal((await exchange(connection, { ...get(), path: 'bad' })).failure, 'invalid')
})
