/** The cases on fields of answers, 100-continue, interim answers and trailers (RFC 9110 §5.5, §6.5, §10.1.1, §15.2). */
import { ask, checkNeighbours, requestBytes, sendRaw, within } from './clients.ts'
import { type CaseFunction, must } from './types.ts'

/** The origin answers with a malformed line; the client never sees it as it was. */
function malformedAnswer(line: string, raw: RegExp): CaseFunction {
  return async run => {
    run.lab.a.scripts.set(`h-${run.id}`, arrival =>
      arrival.end(`HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 2\r\n\r\nok`),
    )
    const sent = await sendRaw(run, requestBytes(`/h-${run.id}`))
    must(sent.status >= 500 || !raw.test(sent.raw), `the client saw it: ${JSON.stringify(sent.raw.slice(0, 200))}`)
    must(sent.status !== 0, 'no answer')
    await checkNeighbours(run)
    return String(sent.status)
  }
}

const expectContinue: CaseFunction = async run => {
  const client = run.client()
  client.send(`POST /h-${run.id} HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`)
  const took = await within(2_000, () => client.received.includes('\r\n\r\n'), 'neither 100 nor a final answer')
  client.send('hello')
  const got = await client.answer('POST')
  const [message] = run.lab.a.seen(`h-${run.id}`)
  must(got.status === 200 && message?.body.toString() === 'hello', `answered ${got.status}, body ${message?.body}`)
  return `${Math.round(took)} ms`
}

const unaskedInterim: CaseFunction = async run => {
  const interim = 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n'
  run.lab.a.scripts.set(`h-${run.id}`, arrival =>
    arrival.end(`${interim}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole`),
  )
  const got = await ask(run, `/h-${run.id}`)
  must(got.status === 200 && got.text === 'whole', `answered ${got.status} ${got.text}`)
  await checkNeighbours(run)
}

const trailers: CaseFunction = async run => {
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T, Set-Cookie\r\n\r\n'
  run.lab.a.scripts.set(`h-${run.id}`, arrival =>
    arrival.end(`${head}5\r\nhello\r\n0\r\nX-T: 1\r\nSet-Cookie: evil=1\r\n\r\n`),
  )
  for (const lines of [[], ['TE: trailers', 'Connection: TE']]) {
    const got = await ask(run, `/h-${run.id}`, { lines })
    must(got.status === 200 && got.text === 'hello' && got.isWhole, `answered ${got.status} ${got.text}`)
    must(got.headers['x-t'] === undefined && got.headers['set-cookie'] === undefined, 'trailers in the head')
  }
  await checkNeighbours(run)
}

export const headersOfAnswers: Readonly<Record<string, CaseFunction>> = {
  'response-bare-cr': malformedAnswer('X-R: a\rX-Evil: 1', /a\rX-Evil|\nX-Evil/),
  'response-space-before-colon': malformedAnswer('X-R : a', /X-R :/i),
  'expect-continue': expectContinue,
  'interim-unasked-100': unaskedInterim,
  'response-trailers': trailers,
}
