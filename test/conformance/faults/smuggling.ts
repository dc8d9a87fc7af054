/** The hand-written smuggling cases over HTTP/1.1: answers with wrong framing, uploads that are cut (RFC 9112 §6.3, §8, §9.3). */
import { ask, checkNeighbours, noFaults, requestBytes, sleep, within } from './clients.ts'
import { answer } from './origin.ts'
import { type CaseFunction, must } from './types.ts'

const headWithBody: CaseFunction = async run => {
  const evil = answer(200, [], 'EVIL')
  const wrong = Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${evil.length}\r\n\r\n`), evil])
  run.lab.a.scripts.set(`head-${run.id}`, arrival => arrival.end(wrong))
  const client = run.client().send(requestBytes(`/head-${run.id}`, { method: 'HEAD' }))
  await client.answer('HEAD')
  for (let i = 0; i < 4; i++) {
    client.send(requestBytes(`/same-${run.id}-${i}`))
    const got = await client.answer('GET')
    must(got.body.toString() === `A GET /same-${run.id}-${i}`, `a GET on the same connection got ${got.body}`)
    await checkNeighbours(run, 1)
  }
}

const differingLengths: CaseFunction = async run => {
  const bytes = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 10\r\n\r\nhelloworld'
  run.lab.a.scripts.set(`cl-${run.id}`, arrival => arrival.end(bytes))
  const got = await ask(run, `/cl-${run.id}`)
  must(got.status >= 500, `answered ${got.status}`)
  await checkNeighbours(run, 5)
  const used = run.lab.a.seen(`cl-${run.id}`).map(message => message.connection)
  must(!run.lab.a.seen(`n-${run.id}`).some(message => used.includes(message.connection)), 'the connection was reused')
}

const earlyAnswer: CaseFunction = async run => {
  const token = `early-${run.id}`
  run.lab.a.scripts.set(token, arrival => arrival.end(answer(413)))
  const head = `POST /${token} HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\n0123456789`
  const client = run.client().send(head)
  const got = await client.answer('POST')
  client.close()
  await checkNeighbours(run, 5)
  const used = run.lab.a.seen(token)[0]?.connection
  must(
    !run.lab.a.seen(`n-${run.id}`).some(message => message.connection === used),
    'the half-fed connection was reused',
  )
  noFaults(run)
  return `answered ${got.status}`
}

const abortMidUpload: CaseFunction = async run => {
  const token = `abort-${run.id}`
  const head = `POST /${token} HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100000\r\n\r\n`
  const client = run.client().send(head + 'x'.repeat(5000))
  await within(3_000, () => (run.lab.a.seen(token)[0]?.bodyBytes ?? 0) > 0, 'no byte of the upload came')
  client.socket.resetAndDestroy()
  await checkNeighbours(run, 5)
  await sleep(200)
  const [message] = run.lab.a.seen(token)
  must(message !== undefined && !message.isComplete, 'the upload looks complete')
  must(!run.lab.a.isOpen(message.connection), 'the connection of the cut upload is still open')
  noFaults(run)
}

export const smuggling: Readonly<Record<string, CaseFunction>> = {
  'head-response-with-body': headWithBody,
  'response-cl-differing': differingLengths,
  'early-answer-unread-body': earlyAnswer,
  'client-abort-mid-upload': abortMidUpload,
}
