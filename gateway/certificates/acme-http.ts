/**
 * acme-client with the manners of this house: loaded when it is needed (it costs 35 MiB), every request with a time
 * limit and an end when the gateway closes, no repetition of its own, and Retry-After kept for whoever decides
 * (RFC 8555 §6.6).
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Agent } from 'node:https'
import { readRetryAfter } from './renewal.ts'

const REQUEST_MS = 30_000
/** A chain is a few KiB. */
const MAX_ANSWER_BYTES = 1_048_576

/** What is said and heard while one certificate is ordered. */
export interface Conversation {
  /** For a directory whose own certificate nobody else vouches for. */
  readonly agent: Agent | null
  readonly signal: AbortSignal
  /** What the last answer asked for, ms; null = nothing. */
  retryAfterMs: number | null
}

/** Its requests carry no context: this tells to which order they belong. */
const running = new AsyncLocalStorage<Conversation>()

export type AcmeLibrary = typeof import('acme-client')

let loading: Promise<AcmeLibrary> | undefined

function loadLibrary(): Promise<AcmeLibrary> {
  loading ??= import('acme-client').then(prepare)
  return loading
}

/** Its own interceptors repeat a request up to five times, asleep for as long as they are told to. */
function prepare(acme: AcmeLibrary): AcmeLibrary {
  const { request, response } = acme.axios.interceptors
  request.clear()
  response.clear()
  request.use(config => {
    const { agent, signal } = running.getStore() ?? {}
    Object.assign(config, { timeout: REQUEST_MS, maxContentLength: MAX_ANSWER_BYTES, maxRedirects: 3 })
    if (signal !== undefined) config.signal = signal
    if (agent) config.httpsAgent = agent
    return config
  })
  response.use(answer => {
    const conversation = running.getStore()
    if (conversation !== undefined)
      conversation.retryAfterMs = readRetryAfter(answer.headers['retry-after'], Date.now())
    return answer
  })
  return acme
}

/** @param ca PEM text of the authority behind the directory's own certificate; null = the system's */
export async function converse<T>(
  { ca, signal }: { readonly ca: string | null; readonly signal: AbortSignal },
  talk: (acme: AcmeLibrary, conversation: Conversation) => Promise<T>,
): Promise<T> {
  const acme = await loadLibrary()
  const agent = ca === null ? null : new Agent({ ca })
  const conversation: Conversation = { agent, signal, retryAfterMs: null }
  try {
    return await running.run(conversation, () => talk(acme, conversation))
  } finally {
    agent?.destroy()
  }
}
