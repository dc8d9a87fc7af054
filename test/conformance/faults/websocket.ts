/** The cases on tunnels (RFC 6455, RFC 9110 §7.8). */
import { createHash, randomBytes } from 'node:crypto'
import { requestBytes, sendRaw, sleep, watchMemory, within } from './clients.ts'
import { acceptBytes, echo, frameHead, openTunnel, upgradeBytes } from './frames-echo.ts'
import { answer } from './origin.ts'
import { type CaseFunction, type CaseRun, must } from './types.ts'

const MIB = 1024 ** 2
const CHUNK = Buffer.alloc(64 * 1024, 'w')

/** Opens a tunnel to the echo; number of its connection at the origin. */
async function openEcho(run: CaseRun, path = `/ws/${run.id}`) {
  run.lab.a.scripts.set(`/ws/${run.id}`, echo)
  const client = await openTunnel(run, path)
  return { client, connection: run.lab.a.seen(path)[0]?.connection ?? -1 }
}

const firstFrame: CaseFunction = async run => {
  run.lab.a.scripts.set(run.id, arrival => {
    arrival.write(`${acceptBytes(arrival)}${frameHead(5, false).toString('latin1')}first`)
    arrival.tunnel(() => {})
  })
  const client = await openTunnel(run, `/ws/${run.id}`)
  await client.until(text => text.endsWith('first'), 2_000)
}

function leaves(how: 'end' | 'resetAndDestroy'): CaseFunction {
  return async run => {
    const { client, connection } = await openEcho(run)
    client.send(Buffer.concat([frameHead(2, true), Buffer.from('hi')]))
    await client.until(text => text.endsWith('hi'), 2_000)
    client.socket[how]()
    const took = await within(1_000, () => !run.lab.a.isOpen(connection), 'the upstream does not see it')
    return `${Math.round(took)} ms`
  }
}

const denied: CaseFunction = async run => {
  const sent = await sendRaw(run, upgradeBytes(`/secret/${run.id}`))
  must(sent.status === 403, `answered ${sent.status}`)
  must(
    run.lab.origins.every(origin => origin.seen(run.id).length === 0),
    'it went upstream',
  )
}

const largeMessage: CaseFunction = async run => {
  const { client } = await openEcho(run)
  const message = randomBytes(16 * MIB)
  const hash = createHash('sha256')
  const expected = frameHead(message.length, false)
  let got = client.received.length
  client.socket.removeAllListeners('data')
  client.socket.on('data', chunk => {
    hash.update(chunk)
    got += chunk.length
  })
  client.send(Buffer.concat([frameHead(message.length, true), message]))
  const took = await within(30_000, () => got >= message.length + expected.length, 'not all came back')
  const wanted = createHash('sha256').update(expected).update(message).digest('hex')
  must(hash.digest('hex') === wanted, 'another digest')
  return `${Math.round(took)} ms`
}

/** Writes 256 MiB into a tunnel as fast as the other side takes it; bytes handed over so far. */
function pour(socket: import('node:net').Socket): { handedOver(): number } {
  let written = 0
  const more = () => {
    while (written < 256 * MIB && !socket.destroyed) {
      written += CHUNK.length
      if (!socket.write(CHUNK)) return
    }
  }
  socket.on('drain', more)
  more()
  return { handedOver: () => written - socket.writableLength }
}

async function checkBounded(run: CaseRun, poured: { handedOver(): number }): Promise<string> {
  const memory = watchMemory(run)
  let before = -1
  for (let i = 0; i < 20 && before !== poured.handedOver(); i++) {
    before = poured.handedOver()
    await sleep(500)
  }
  const grown = memory.stop()
  const handed = poured.handedOver() / MIB
  must(handed <= 48, `${Math.round(handed)} MiB were handed over`)
  must(grown < 64, `memory grew ${Math.round(grown)} MiB`)
  return `${handed.toFixed(1)} MiB handed over, memory +${Math.round(grown)} MiB`
}

const backpressureDown: CaseFunction = async run => {
  let poured = { handedOver: () => 0 }
  run.lab.a.scripts.set(run.id, arrival => {
    arrival.write(acceptBytes(arrival))
    arrival.tunnel(() => {})
    arrival.write(frameHead(256 * MIB, false))
    poured = pour(arrival.socket)
  })
  const client = run.client()
  client.socket.pause()
  client.send(upgradeBytes(`/ws/${run.id}`))
  await within(2_000, () => poured.handedOver() > 0, 'no tunnel')
  return await checkBounded(run, poured)
}

const backpressureUp: CaseFunction = async run => {
  run.lab.a.scripts.set(run.id, arrival => {
    arrival.write(acceptBytes(arrival))
    arrival.tunnel(() => {})
    arrival.socket.pause()
  })
  const client = await openTunnel(run, `/ws/${run.id}`)
  client.send(frameHead(256 * MIB, true))
  return await checkBounded(run, pour(client.socket))
}

const manyTunnels: CaseFunction = async run => {
  const { a } = run.lab
  a.scripts.set(`/ws/${run.id}`, echo)
  const clients = await Promise.all(Array.from({ length: 200 }, (_, i) => openTunnel(run, `/ws/${run.id}-${i}`)))
  const number = (i: number) => String(i).padStart(4, '0')
  for (const [i, client] of clients.entries()) client.send(Buffer.concat([frameHead(4, true), Buffer.from(number(i))]))
  await Promise.all(clients.map((client, i) => client.until(text => text.endsWith(number(i)), 5_000)))
  for (const client of clients) client.socket.end()
  const tunnels = new Set(a.seen(`/ws/${run.id}`).map(message => message.connection))
  const isReleased = () => [...tunnels].every(connection => !a.isOpen(connection)) && clients.every(one => one.closed)
  return `released after ${Math.round(await within(3_000, isReleased, 'not all released'))} ms`
}

const upgradeWithBody: CaseFunction = async run => {
  run.lab.a.scripts.set(`/ws/up-${run.id}`, arrival => arrival.end(answer(403, [], 'no')))
  const hidden = `GET /smug-${run.id} HTTP/1.1\r\nHost: app.test\r\n\r\n`
  const sent = await sendRaw(run, upgradeBytes(`/ws/up-${run.id}`, [`Content-Length: ${hidden.length}`], hidden))
  await sleep(200)
  const targets = run.lab.origins.flatMap(origin => origin.messages).map(({ target }) => target)
  must(!targets.some(target => target.includes('/smug-')), 'a hidden request upstream')
  must(run.lab.a.faults.length === 0, run.lab.a.faults.join('; '))
  const later = await sendRaw(run, requestBytes(`/n-${run.id}`), 100)
  must(later.answers[0]?.body.toString() === `A GET /n-${run.id}`, 'a later GET did not get its own answer')
  return String(sent.status)
}

const halfClose: CaseFunction = async run => {
  const body = randomBytes(2 * MIB)
  run.lab.a.scripts.set(run.id, arrival => {
    arrival.tunnel(() => {})
    arrival.write(Buffer.concat([Buffer.from(acceptBytes(arrival), 'latin1'), frameHead(body.length, false), body]))
    arrival.socket.end()
  })
  const client = run.client().send(upgradeBytes(`/ws/${run.id}`))
  client.socket.on('data', () => {
    client.socket.pause()
    setTimeout(() => client.socket.resume(), 15)
  })
  await within(20_000, () => client.closed, 'the tunnel did not end')
  const start = client.received.indexOf('\r\n\r\n') + 4 + frameHead(body.length, false).length
  must(client.received.subarray(start).equals(body), `${client.received.length - start} bytes of ${body.length}`)
}

export const websocket: Readonly<Record<string, CaseFunction>> = {
  'first-frame-with-101': firstFrame,
  'client-close': leaves('end'),
  'client-reset': leaves('resetAndDestroy'),
  'denied-path': denied,
  'large-message': largeMessage,
  'backpressure-down': backpressureDown,
  'backpressure-up': backpressureUp,
  '200-tunnels': manyTunnels,
  'upgrade-with-body': upgradeWithBody,
  'half-close-order': halfClose,
}
