/** The cases on one broken origin: answers that are cut, resets, hangs (RFC 9112 §8, RFC 9110 §15.6). */
import { setTimeout as sleep } from 'node:timers/promises'
import type { RawAnswer } from '../../support/raw-client.ts'
import { checkNeighbours, requestBytes, tryAsk, watchMemory, within } from './clients.ts'
import { type Arrival, answer } from './origin.ts'
import { type CaseFunction, must } from './types.ts'

/** The origin sends the bytes and ends the connection; the client must see that the answer is not whole. */
function cut(head: string, body: Buffer | string, how: 'close' | 'reset'): CaseFunction {
  return async run => {
    const { a } = run.lab
    a.scripts.set(`c-${run.id}`, async arrival => {
      arrival.write(head)
      if (!arrival.write(Buffer.from(body))) await arrival.drained
      if (how === 'close') return void arrival.socket.end()
      // The bytes have to arrive before the reset, which would discard them.
      await sleep(100)
      arrival.socket.resetAndDestroy()
    })
    const client = run.client().send(requestBytes(`/c-${run.id}`))
    const got: RawAnswer | null = await client.answer('GET', 10_000).catch(() => null)
    must(got !== null || client.closed, 'neither an answer nor an end')
    must(
      got === null || got.status >= 500 || !got.isWhole,
      `answered ${got?.status} with ${got?.body.length} bytes, "whole"`,
    )
    await checkNeighbours(run)
    return got === null ? 'closed' : `${got.status} with ${got.body.length} bytes, ${got.isWhole ? 'whole' : 'cut'}`
  }
}

const length = (bytes: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`
const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const oneChunk = `190\r\n${'x'.repeat(400)}\r\n`

function ends(how: (arrival: Arrival) => void): CaseFunction {
  return async run => {
    run.lab.a.scripts.set(`c-${run.id}`, how)
    const got = await tryAsk(run, `/c-${run.id}`)
    must([502, 503, 504].includes(got.status) && got.ms < 5_000, `${got.status} after ${Math.round(got.ms)} ms`)
    await checkNeighbours(run, 5)
    return `${got.status}, ${run.lab.a.seen(`c-${run.id}`).length} attempts`
  }
}

const endlessAnswerHead: CaseFunction = async run => {
  const { a } = run.lab
  let sent = 0
  a.scripts.set(`c-${run.id}`, async arrival => {
    const lines = Buffer.from(`X-Line: ${'x'.repeat(1014)}\r\n`.repeat(64))
    arrival.write('HTTP/1.1 200 OK\r\n')
    for (; sent < 32 * 1024 ** 2 && !arrival.socket.destroyed; sent += lines.length)
      if (!arrival.write(lines)) await arrival.drained
  })
  const memory = watchMemory(run)
  const got = await tryAsk(run, `/c-${run.id}`)
  const grown = memory.stop()
  must(got.status >= 500 || (got.status === 0 && got.ms < 9_000), `answered ${got.status}`)
  must(grown < 64, `memory grew ${Math.round(grown)} MiB`)
  await checkNeighbours(run)
  return `${got.status} after ${Math.round(got.ms)} ms, ${sent / 1024} KiB, memory +${Math.round(grown)} MiB`
}

const hang: CaseFunction = async run => {
  const { a } = run.lab
  a.scripts.set(`c-${run.id}`, () => {})
  const got = await tryAsk(run, `/c-${run.id}`)
  must(got.status === 504 && got.ms < 6_000, `${got.status} after ${Math.round(got.ms)} ms`)
  const numbers = a.seen(`c-${run.id}`).map(message => message.connection)
  await within(1_000, () => numbers.every(number => !a.isOpen(number)), 'the upstream connection is open')
  return `${Math.round(got.ms)} ms`
}

const staleKeepAlive: CaseFunction = async run => {
  run.lab.a.scripts.set(`c-${run.id}`, arrival => {
    arrival.end(answer(200, [], 'ok'))
    const delay = run.lab.a.seen(`c-${run.id}`).length % 4
    setTimeout(() => arrival.socket.end(), delay)
  })
  const statuses: number[] = []
  for (let i = 0; i < 60; i++) {
    statuses.push((await tryAsk(run, `/c-${run.id}-${i}`, { ms: 5_000 })).status)
    await sleep(i % 5)
  }
  const failed = statuses.filter(status => status !== 200)
  must(failed.length === 0, `${failed.length} of 60 failed: ${failed}`)
}

const retriesBounded: CaseFunction = async run => {
  run.lab.a.scripts.set(`c-${run.id}`, arrival => arrival.socket.resetAndDestroy())
  const got = await tryAsk(run, `/c-${run.id}`)
  const attempts = run.lab.a.seen(`c-${run.id}`).length
  must(attempts <= 4, `${attempts} attempts`)
  return `${got.status} after ${attempts} attempts`
}

const clientLeaves: CaseFunction = async run => {
  const { a } = run.lab
  a.scripts.set(`c-${run.id}`, () => {})
  const client = run.client().send(requestBytes(`/c-${run.id}`))
  await within(2_000, () => a.seen(`c-${run.id}`).length === 1, 'nothing upstream')
  const number = a.seen(`c-${run.id}`)[0]?.connection ?? -1
  await sleep(300)
  client.socket.resetAndDestroy()
  const took = await within(2_000, () => !a.isOpen(number), 'the upstream connection is open')
  return `${Math.round(took)} ms`
}

export const faults: Readonly<Record<string, CaseFunction>> = {
  'cut-length': cut(length(1000), 'x'.repeat(400), 'close'),
  'cut-length-rst': cut(length(1000), 'x'.repeat(400), 'reset'),
  'cut-chunked': cut(chunked, oneChunk, 'close'),
  'cut-chunked-rst': cut(chunked, oneChunk, 'reset'),
  'cut-inside-chunk': cut(chunked, `${oneChunk}190\r\nxxx`, 'close'),
  'cut-large': cut(length(5_000_000), 'x'.repeat(2_000_000), 'close'),
  'cut-no-body-byte': cut(length(1000), '', 'close'),
  'reset-before-answer': ends(arrival => arrival.socket.resetAndDestroy()),
  'close-before-answer': ends(arrival => void arrival.socket.end()),
  'endless-answer-header': endlessAnswerHead,
  'hang-before-answer': hang,
  'stale-keepalive-get': staleKeepAlive,
  'retries-bounded': retriesBounded,
  'client-leaves-upstream-freed': clientLeaves,
}
