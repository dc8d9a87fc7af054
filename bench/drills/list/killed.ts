import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { failed, visit } from '../load.ts'
import { startOrigin } from '../origin.ts'
import type { Drill } from '../types.ts'

/** How long the app works on a request, and how long it is away. */
const WORK_MS = 1_500
const AWAY_MS = 1_000
/** A proxy that keeps requests until they are whole never sends the half one. */
const ARRIVE_MS = 1_000

export const killed: Drill = {
  name: 'killed',
  title: 'an app is killed with 10 GETs, 3 POSTs and one half-sent POST in flight, and back after 1 s',
  asked: 'no GET fails, no POST runs twice, the half-sent POST gets one 502',
  async run(run) {
    const origin = await startOrigin((request, response) => {
      request.resume()
      setTimeout(() => response.end('done'), WORK_MS)
    }, run.atEnd)
    const { port } = await run.front([origin.port])
    const gets = Array.from({ length: 10 }, () => visit(port))
    const posts = Array.from({ length: 3 }, () => visit(port, { method: 'POST', body: 'once' }))
    const half = halfSent(port)
    for (let ms = 0; ms < ARRIVE_MS && origin.requests.length < 14; ms += 10) await delay(10)
    const before = origin.requests.filter(({ method }) => method === 'POST').length
    await origin.die()
    await delay(AWAY_MS)
    await origin.comeBack()
    const got = await Promise.all(gets)
    await Promise.all(posts)
    const twice = origin.requests.filter(({ method }) => method === 'POST').length - before
    const status = await half
    return {
      figures: [
        { name: 'failed GETs', value: failed(got), isFine: failed(got) === 0 },
        { name: 'POSTs run twice', value: twice, isFine: twice === 0 },
        { name: 'half-sent POST got', value: status, isFine: status === 502 },
      ],
    }
  },
}

/** Announces more than it sends; the status that comes for it, 0 for none. */
async function halfSent(port: number): Promise<number> {
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 1000\r\n\r\nhalf')
  let text = ''
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1')
    if (text.includes('\r\n\r\n')) socket.destroy()
  })
  socket.setTimeout(10_000, () => socket.destroy())
  await once(socket, 'close')
  return Number(text.slice(9, 12))
}
