/** HTTP/2 clients of the fault suite: raw frames for what Node refuses to send, and a session for what is ordinary. */
import http2 from 'node:http2'
import type { Test } from 'tap'
import { type Frame, type RawH2, rawH2, type } from '../../gateway/listeners/raw-h2.ts'
import type { CaseRun } from './types.ts'

export async function openFrames(run: CaseRun): Promise<RawH2> {
  return await rawH2({ teardown: (fn: () => void) => run.cleanup(fn) } as unknown as Test, run.lab.tlsPort)
}

/** Waits for the frames, at most `ms`; what has come until then. */
export async function framesUntil(h2: RawH2, ms: number, isEnough: (frames: Frame[]) => boolean): Promise<Frame[]> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([h2.until(isEnough), timeout])
  clearTimeout(timer)
  return h2.frames
}

/** How the gateway refused stream 1: by RST_STREAM, GOAWAY, a closed connection, or 400; null = it did not. */
export function refusalOf(h2: RawH2): string | null {
  const has = (kind: number) =>
    h2.frames.some(frame => frame.kind === kind && (frame.stream === 1 || kind !== type.rst))
  const answer = h2.frames.find(frame => frame.kind === type.headers)
  // 0x8c is the indexed field `:status: 400` of RFC 7541, appendix A; a table size update may stand before it.
  if (answer?.payload.subarray(0, 4).includes(0x8c)) return '400'
  if (has(type.rst)) return 'RST_STREAM'
  if (has(type.goaway)) return 'GOAWAY'
  return h2.socket.destroyed && answer === undefined ? 'closed' : null
}

export interface H2Answer {
  readonly status: number
  readonly text: string
}

/** One GET over an ordinary session; status 0 when the stream was reset. */
export async function askH2(run: CaseRun, path: string, fields: http2.OutgoingHttpHeaders = {}): Promise<H2Answer> {
  const session = http2.connect(`https://127.0.0.1:${run.lab.tlsPort}`, { rejectUnauthorized: false })
  session.on('error', () => {})
  try {
    return await new Promise<H2Answer>((resolve, reject) => {
      const stream = session.request({ ':path': path, ':authority': 'app.test', ...fields })
      let status = 0
      let text = ''
      stream.setTimeout(8_000, () => reject(new Error('no answer in 8 s')))
      stream.on('response', headers => {
        status = headers[':status'] ?? 0
      })
      stream.on('data', chunk => {
        text += chunk
      })
      stream.on('error', () => resolve({ status: 0, text: '' }))
      stream.on('close', () => resolve({ status, text }))
      stream.end()
    })
  } finally {
    session.destroy()
  }
}
