/**
 * The live numbers of all workers for one page: each worker's events are listened to, and told as one a second. A worker
 * that comes later joins in, one that goes is left out.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type LiveSample, MAX_SAMPLES } from '../../plugins/metrics/index.ts'
import type { Member } from './crew.ts'
import { sinceLast, sumHistories, sumSamples } from './live-sum.ts'

const SECOND_MS = 1_000
/** Of a worker's event that has not ended; its history is a tenth of that. */
const MAX_EVENT_LENGTH = 1024 * 1024
/** A reader that has left this much unread is let go. */
const MAX_UNREAD_BYTES = 256 * 1024

export interface LiveSources {
  members(): readonly Member[]
  /** The events of one worker. */
  ask(member: Member): Promise<IncomingMessage>
}

interface Heard {
  last: LiveSample
  samples: LiveSample[]
}

export class LiveStream {
  readonly #sources: LiveSources
  readonly #raw: ServerResponse
  readonly #streams = new Map<Member, IncomingMessage | null>()
  readonly #heard = new Map<Member, Heard>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  private constructor(raw: ServerResponse, sources: LiveSources) {
    this.#raw = raw
    this.#sources = sources
    raw.once('close', () => this.#close())
  }

  /** Begins with what was; the head has been written. */
  static async open(raw: ServerResponse, sources: LiveSources): Promise<void> {
    const stream = new LiveStream(raw, sources)
    const histories = await Promise.all(sources.members().map(member => stream.#join(member)))
    if (stream.#isClosed) return
    const history = sumHistories(histories, MAX_SAMPLES)
    raw.write(`event: history\ndata: ${JSON.stringify(history)}\n\n`)
    stream.#timer = setInterval(() => stream.#tick(), SECOND_MS).unref()
  }

  #tick(): void {
    for (const member of this.#sources.members()) if (!this.#streams.has(member)) void this.#join(member)
    if (this.#heard.size === 0) return
    if (this.#raw.writableLength > MAX_UNREAD_BYTES) return void this.#raw.destroy()
    const all = Array.from(this.#heard.values(), ({ last, samples }) => sinceLast(samples, last))
    for (const heard of this.#heard.values()) heard.samples = []
    this.#raw.write(`data: ${JSON.stringify({ ...sumSamples(all), atMs: Date.now() })}\n\n`)
  }

  /** Its history; empty where it has none, or is gone. */
  async #join(member: Member): Promise<readonly LiveSample[]> {
    // Noted before it answers, so that it is asked once.
    this.#streams.set(member, null)
    const answer = await this.#sources.ask(member).catch(() => null)
    if (answer === null || answer.statusCode !== 200 || this.#isClosed) {
      answer?.destroy()
      this.#leave(member)
      return []
    }
    this.#streams.set(member, answer)
    return new Promise(resolve => {
      answer.once('close', () => {
        this.#leave(member)
        resolve([])
      })
      answer.on('error', () => {})
      readEvents(answer, event => {
        if (Array.isArray(event)) resolve(event)
        else this.#hear(member, event)
      })
    })
  }

  #hear(member: Member, sample: LiveSample): void {
    const heard = this.#heard.get(member)
    if (heard === undefined) return void this.#heard.set(member, { last: sample, samples: [sample] })
    heard.last = sample
    heard.samples.push(sample)
  }

  #leave(member: Member): void {
    this.#streams.delete(member)
    this.#heard.delete(member)
  }

  #close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
    for (const answer of this.#streams.values()) answer?.destroy()
  }
}

/** Tells of each event: the list of samples that were, or the next one. */
function readEvents(answer: IncomingMessage, tell: (event: LiveSample | LiveSample[]) => void): void {
  let text = ''
  answer.setEncoding('utf8').on('data', (chunk: string) => {
    const events = (text + chunk).split('\n\n')
    text = events.pop() ?? ''
    if (text.length > MAX_EVENT_LENGTH) return void answer.destroy()
    for (const event of events) tell(JSON.parse(event.slice(event.indexOf('data: ') + 'data: '.length)))
  })
}
