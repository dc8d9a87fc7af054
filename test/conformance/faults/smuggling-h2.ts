/** The smuggling cases over HTTP/2: what must not become lines of an HTTP/1.1 head (RFC 9113 §8.2, §8.3). */
import { endHeaders, endStream, fields, frame, request, type } from '../../gateway/listeners/raw-h2.ts'
import { checkNeighbours, noFaults, sleep } from './clients.ts'
import { framesUntil, openFrames, refusalOf } from './h2.ts'
import { type CaseFunction, type CaseRun, must } from './types.ts'

/** Sends frames on stream 1; how the gateway refused them, or null. */
async function send(run: CaseRun, ...frames: Buffer[]): Promise<string | null> {
  const h2 = await openFrames(run)
  h2.socket.write(Buffer.concat(frames))
  await framesUntil(h2, 3_000, got =>
    got.some(({ kind, stream }) => kind === type.goaway || (stream === 1 && kind < 4)),
  )
  await sleep(100)
  return refusalOf(h2)
}

async function checkNothingHidden(run: CaseRun): Promise<void> {
  const messages = run.lab.origins.flatMap(origin => origin.messages)
  must(!messages.some(({ target }) => target.includes('/smug-')), 'hidden request upstream')
  const added = messages.filter(
    message => message.one('x-evil') !== undefined || message.all('transfer-encoding').length > 0,
  )
  must(
    added.every(({ method }) => method === 'POST'),
    `a new line upstream: ${added[0]?.head.slice(0, 300)}`,
  )
  await checkNeighbours(run)
  noFaults(run)
}

const teField: CaseFunction = async run => {
  const body = Buffer.from(`0\r\n\r\nGET /smug-${run.id} HTTP/1.1\r\nHost: app.test\r\n\r\n`)
  const head = request(`/k-${run.id}`, [['transfer-encoding', 'chunked']], 'POST')
  const refusal = await send(run, frame(type.headers, endHeaders, 1, head), frame(type.data, endStream, 1, body))
  const messages = run.lab.a.seen(`k-${run.id}`)
  if (refusal === null) must(messages[0]?.body.equals(body), 'not refused, and the body did not arrive as sent')
  await checkNothingHidden(run)
  return refusal ?? 'field dropped'
}

/** Sends a head that must be refused; nothing with the token may arrive. */
function refusedHead(head: (id: string) => Buffer): CaseFunction {
  return async run => {
    const refusal = await send(run, frame(type.headers, endHeaders | endStream, 1, head(run.id)))
    must(refusal !== null, 'no stream error')
    must(
      run.lab.origins.every(origin => origin.seen(run.id).length === 0),
      'the request went upstream',
    )
    await checkNothingHidden(run)
    return refusal
  }
}

const twoAuthorities: CaseFunction = async run => {
  const head = request(`/k-${run.id}`, [['host', 'evil.test']])
  const refusal = await send(run, frame(type.headers, endHeaders | endStream, 1, head))
  const messages = run.lab.a.seen(`k-${run.id}`)
  if (refusal === null) must(messages[0]?.all('host').join() === 'app.test', `Host ${messages[0]?.all('host')}`)
  await checkNothingHidden(run)
  return refusal ?? 'forwarded with Host app.test'
}

export const smugglingH2: Readonly<Record<string, CaseFunction>> = {
  'h2-te-header': teField,
  'h2-crlf-in-value': refusedHead(id => request(`/k-${id}`, [['x-a', 'b\r\nTransfer-Encoding: chunked']])),
  'h2-space-in-path': refusedHead(id => request(`/k-${id} HTTP/1.1\r\nX-Evil: 1\r\nX: `)),
  'h2-method-with-space': refusedHead(id =>
    fields([
      [':method', `GET /smug-${id} HTTP/1.1\r\nX: `],
      [':scheme', 'https'],
      [':authority', 'app.test'],
      [':path', '/'],
    ]),
  ),
  'h2-two-authorities': twoAuthorities,
}
