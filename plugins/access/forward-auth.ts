/**
 * Asks another server whether a request may come in, and as whom: a GET without a body, with the request's own credentials
 * and what the gateway knows of it. Whatever goes wrong closes the door.
 */
import type { Agent, Dispatcher } from 'undici'
import type { AccessQuestion } from './guard.ts'

export interface ForwardAuth {
  readonly url: string
  /** Names as they are sent to the app. */
  readonly fields: readonly string[]
  readonly timeoutMs: number
}

export type ForwardAnswer =
  | { readonly kind: 'pass'; readonly set: Readonly<Record<string, string>> }
  /** What the client gets in place of the app: a redirect to the login, mostly. */
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Fields; readonly body: Buffer }
  | { readonly kind: 'failed'; readonly cause: unknown }

export type Fields = Readonly<Record<string, string | string[]>>

/** Fields of the client that the server needs to know who came. */
const asked = ['accept', 'accept-language', 'authorization', 'cookie', 'user-agent', 'x-requested-with'] as const
/** Fields of its answer that the client gets; the page goes out as it came, so its coding is told, too. */
const told = [
  ...(['cache-control', 'content-encoding', 'content-language', 'content-type', 'location'] as const),
  ...(['retry-after', 'set-cookie', 'vary', 'www-authenticate'] as const),
]
/** Largest page that is passed on. */
const MAX_PAGE = 256 * 1024
/** Connections to one server. */
const MAX_CONNECTIONS = 32
/** A kept connection may have been closed by the other side while the question was on its way. */
const TORN: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

type Sender = { readonly agent: Agent; readonly request: typeof import('undici').request }

export class ForwardAuthClient {
  /** Loaded with the first question: most gateways ask nobody, and undici is large. */
  #sender: Promise<Sender> | null = null

  async ask(forward: ForwardAuth, question: AccessQuestion): Promise<ForwardAnswer> {
    this.#sender ??= loadSender()
    // Before the time limit begins: the other server is not to blame for how long it takes.
    const sender = await this.#sender
    const asking = { sender, question, signal: AbortSignal.timeout(forward.timeoutMs) }
    try {
      return await askOnce(forward, asking).catch(error => {
        if (!TORN.has((error as NodeJS.ErrnoException).code)) throw error
        return askOnce(forward, asking)
      })
    } catch (cause) {
      const { timeoutMs } = forward
      // The signal's own error is a page of constants in a log.
      return { kind: 'failed', cause: asking.signal.aborted ? new Error(`no answer within ${timeoutMs} ms`) : cause }
    }
  }

  async close(): Promise<void> {
    await (await this.#sender)?.agent.destroy()
  }
}

async function loadSender(): Promise<Sender> {
  const { Agent, request } = await import('undici')
  return { agent: new Agent({ connections: MAX_CONNECTIONS, pipelining: 1, maxHeaderSize: 64 * 1024 }), request }
}

interface Asking {
  readonly sender: Sender
  readonly question: AccessQuestion
  readonly signal: AbortSignal
}

async function askOnce({ url, fields }: ForwardAuth, { sender, question, signal }: Asking): Promise<ForwardAnswer> {
  const options = { dispatcher: sender.agent, method: 'GET', headers: headersFor(question), signal } as const
  const answer = await sender.request(url, options)
  return answer.statusCode >= 200 && answer.statusCode < 300 ? passed(answer, fields) : refused(answer)
}

function headersFor({ method, uri, address, proto, host, headers }: AccessQuestion): Record<string, string> {
  const sent: Record<string, string> = {
    'X-Forwarded-Method': method,
    'X-Forwarded-Proto': proto,
    'X-Forwarded-Host': host,
    'X-Forwarded-Uri': uri,
    'X-Forwarded-For': address,
    'X-Real-IP': address,
    'X-Original-Method': method,
    'X-Original-URL': `${proto}://${host}${uri}`,
  }
  for (const name of asked) {
    const value = headers[name]
    if (value !== undefined) sent[name] = Array.isArray(value) ? value.join('; ') : value
  }
  return sent
}

async function passed({ headers, body }: Dispatcher.ResponseData, fields: readonly string[]): Promise<ForwardAnswer> {
  await body.dump({ limit: MAX_PAGE })
  const set: Record<string, string> = {}
  for (const name of fields) {
    const value = headers[name.toLowerCase()]
    // One that is there twice says nothing that could be believed.
    if (typeof value === 'string' && value !== '') set[name] = value
  }
  return { kind: 'pass', set }
}

async function refused({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<ForwardAnswer> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of body) {
    parts.push(part as Buffer)
    length += (part as Buffer).length
    if (length > MAX_PAGE) throw new Error('the answer is larger than a page')
  }
  const kept: Record<string, string | string[]> = { 'cache-control': 'no-store' }
  for (const name of told) {
    const value = headers[name]
    if (value !== undefined) kept[name] = value
  }
  const status = statusCode >= 300 && statusCode < 500 ? statusCode : 502
  return { kind: 'answer', status, headers: kept, body: Buffer.concat(parts) }
}
