/**
 * Those who use the apps while the gateway is soaked: each does one thing again and again and says how it went.
 */
import { createHash, randomBytes } from 'node:crypto'
import { Agent, type IncomingMessage, request } from 'node:http'
import net from 'node:net'
import { WebSocket } from 'ws'
import { bodyFor } from './origins.ts'

/** How one try ended: null = right, else what was wrong. */
export type Outcome = string | null

export interface Visitor {
  readonly name: string
  /** Pause between two tries, ms. */
  readonly pauseMs: number
  /** Long ones watch `isOver` and end by themselves. */
  visit(isOver: () => boolean): Promise<Outcome>
}

export interface Place {
  readonly port: number
  random(): number
}

interface Answer {
  readonly status: number
  readonly body: Buffer
}

const agent = new Agent({ keepAlive: true, maxSockets: 64, timeout: 20_000 })

/** Closes the kept connections of all visitors. */
export function leave(): void {
  agent.destroy()
}

function ask(
  place: Place,
  path: string,
  more: { headers?: Record<string, string>; body?: Buffer } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const method = more.body === undefined ? 'GET' : 'POST'
    const headers = { host: 'soak.test', ...more.headers }
    const asking = request({ host: '127.0.0.1', port: place.port, path, method, headers, agent })
    asking.on('error', reject)
    asking.on('response', (answer: IncomingMessage) => {
      const chunks: Buffer[] = []
      answer.on('data', chunk => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }))
    })
    asking.end(more.body)
  })
}

async function expectBytes(place: Place, path: string, wanted: Buffer, range?: string): Promise<Outcome> {
  const { status, body } = await ask(place, path, range === undefined ? {} : { headers: { range } })
  if (status !== (range === undefined ? 200 : 206)) return `answered ${status}`
  return body.equals(wanted) ? null : `wrong bytes (${body.length} of ${wanted.length})`
}

const pick = (place: Place, count: number): number => Math.floor(place.random() * count)

export function visitors(place: Place): Visitor[] {
  return [
    ...Array.from({ length: 4 }, () => pageReader(place)),
    ...Array.from({ length: 2 }, () => cachedReader(place)),
    ...Array.from({ length: 2 }, () => poster(place)),
    seeker(place),
    slowReader(place),
    listener(place),
    talker(place),
    leaver(place),
    stammerer(place),
  ]
}

const pageReader = (place: Place): Visitor => ({
  name: 'page',
  pauseMs: 20,
  visit() {
    const path = `/page/${pick(place, 1e6)}/${100 + pick(place, 40_000)}`
    return expectBytes(place, `/app${path}`, bodyFor(path, Number(path.split('/').at(-1))))
  },
})

const cachedReader = (place: Place): Visitor => ({
  name: 'cached',
  pauseMs: 15,
  visit() {
    const path = `/cached/${pick(place, 200)}/5000`
    return expectBytes(place, `/app${path}`, bodyFor(path, 5_000))
  },
})

const seeker = (place: Place): Visitor => ({
  name: 'range',
  pauseMs: 30,
  visit() {
    const path = '/film/1/1048576'
    const from = pick(place, 1_000_000)
    const to = Math.min(1_048_575, from + pick(place, 48_000))
    return expectBytes(place, `/app${path}`, bodyFor(path, 1_048_576).subarray(from, to + 1), `bytes=${from}-${to}`)
  },
})

const poster = (place: Place): Visitor => ({
  name: 'post',
  pauseMs: 60,
  async visit() {
    const body = randomBytes(10_240)
    const mark = body.subarray(0, 12).toString('hex')
    const answer = await ask(place, '/app/save', { headers: { 'x-mark': mark }, body })
    if (answer.status !== 200) return `answered ${answer.status}`
    return answer.body.toString() === createHash('sha256').update(body).digest('hex') ? null : 'wrong bytes'
  },
})

/** Takes 64 KiB every 50 ms. */
const slowReader = (place: Place): Visitor => ({
  name: 'slow',
  pauseMs: 100,
  async visit() {
    const path = '/large/1/2097152'
    const wanted = bodyFor(path, 2_097_152)
    const asking = request({
      host: '127.0.0.1',
      port: place.port,
      path: `/steady${path}`,
      headers: { host: 'soak.test' },
    })
    asking.end()
    const [answer] = (await new Promise((resolve, reject) => {
      asking.on('response', got => resolve([got]))
      asking.on('error', reject)
    })) as [IncomingMessage]
    let seen = 0
    for await (const chunk of answer) {
      if (!wanted.subarray(seen, seen + chunk.length).equals(chunk)) return 'wrong bytes'
      seen += chunk.length
      await pause(50)
    }
    return seen === wanted.length ? null : `cut at ${seen}`
  },
})

const SILENCE_MS = 5_000

/** An event stream is open for the whole time; a beat that does not come in time is a failure. */
const listener = (place: Place): Visitor => ({
  name: 'events',
  pauseMs: 100,
  visit: isOver =>
    new Promise(resolve => {
      const asking = request({
        host: '127.0.0.1',
        port: place.port,
        path: '/steady/events',
        headers: { host: 'soak.test' },
      })
      let heardMs = performance.now()
      const watch = setInterval(() => {
        const isSilent = performance.now() - heardMs > SILENCE_MS
        if (isSilent || isOver()) end(isSilent ? 'no event in time' : null)
      }, 200)
      const end = (outcome: Outcome) => {
        clearInterval(watch)
        asking.destroy()
        resolve(outcome)
      }
      asking.on('error', error => end(error.message))
      asking.on('response', answer => {
        answer.on('data', () => {
          heardMs = performance.now()
        })
        answer.on('close', () => end(isOver() ? null : 'the stream ended'))
      })
      asking.end()
    }),
})

/** A WebSocket is open for the whole time; what is said must come back. */
const talker = (place: Place): Visitor => ({
  name: 'websocket',
  pauseMs: 100,
  visit: isOver =>
    new Promise(resolve => {
      const socket = new WebSocket(`ws://127.0.0.1:${place.port}/steady/talk`, { headers: { host: 'soak.test' } })
      let said = ''
      let saidMs = performance.now()
      const say = setInterval(() => {
        if (isOver()) return end(null)
        if (said !== '' && performance.now() - saidMs > SILENCE_MS) return end('no echo in time')
        if (said !== '' || socket.readyState !== WebSocket.OPEN) return
        said = randomBytes(40).toString('hex')
        saidMs = performance.now()
        socket.send(said)
      }, 100)
      const end = (outcome: Outcome) => {
        clearInterval(say)
        socket.terminate()
        resolve(outcome)
      }
      socket.on('error', error => end(error.message))
      socket.on('close', () => end(isOver() ? null : 'the WebSocket closed'))
      socket.on('message', heard => {
        if (heard.toString() !== said) end('another echo than what was said')
        said = ''
      })
    }),
})

/** Leaves in the middle, at any moment. */
const leaver = (place: Place): Visitor => ({
  name: 'leaver',
  pauseMs: 30,
  async visit() {
    const path = place.random() < 0.5 ? '/app/page/9/900000' : '/app/save'
    const isPost = path.endsWith('save')
    const socket = net.connect(place.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(`${isPost ? 'POST' : 'GET'} ${path} HTTP/1.1\r\nHost: soak.test\r\n`)
    socket.write(isPost ? `X-Mark: left-${place.random()}\r\nContent-Length: 100000\r\n\r\nhalf` : '\r\n')
    await pause(place.random() * 40)
    socket.destroy()
    return null
  },
})

const nonsense = [
  'GET\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00',
  'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n',
  'PRI * ',
]

/** Sends what is no request and waits to be refused. */
const stammerer = (place: Place): Visitor => ({
  name: 'nonsense',
  pauseMs: 200,
  visit: () =>
    new Promise(resolve => {
      const socket = net.connect(place.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.setTimeout(300, () => socket.destroy())
      socket.on('close', () => resolve(null))
      socket.resume()
      socket.write(nonsense[pick(place, nonsense.length)] as string, 'latin1')
    }),
})

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
