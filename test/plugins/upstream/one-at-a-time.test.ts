/** An origin that serves one connection at a time and ends it with its answer, as Python's wsgiref does: nobody waits for an unused one. */
import { once } from 'node:events'
import net from 'node:net'
import t, { type Test } from 'tap'
import { pass, send, startApp } from './support.ts'

const WORK_MS = 100

/** Reads the next connection only once the present one has had its answer. */
async function startSingle(t: Test): Promise<string> {
  const line: net.Socket[] = []
  let isBusy = false
  const next = () => {
    const socket = isBusy ? undefined : line.shift()
    if (socket === undefined) return
    isBusy = true
    socket.once('data', () => setTimeout(() => socket.end('HTTP/1.0 200 OK\r\n\r\nok'), WORK_MS))
    socket.once('close', () => {
      isBusy = false
      next()
    })
    socket.on('error', () => {})
    socket.resume()
  }
  const server = net.createServer({ pauseOnConnect: true }, socket => {
    line.push(socket)
    next()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`
}

t.test('after a page of many requests the next one is answered at once', async t => {
  const app = await startApp(t, { origins: [{ url: await startSingle(t) }], minSize: 10 })
  const page = await Promise.all(Array.from({ length: 6 }, () => send(app.upstream)))
  t.ok(page.every(({ status }) => status === 200))
  for (let i = 0; i < 2; i++) {
    await pass(900)
    const startedMs = performance.now()
    t.equal((await send(app.upstream)).status, 200)
    t.ok(performance.now() - startedMs < 1_500, 'it waited for no connection without a request')
  }
})
