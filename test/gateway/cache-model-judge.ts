/**
 * What RFC 9111 and RFC 9110 let a client be given, judged from the journal of the origin alone: an independent reading of
 * the rules, kept simple, that knows nothing of how the cache decides.
 */
import type { RawAnswer } from '../support/raw-client.ts'
import { contentFault } from './cache-model-content.ts'
import type { Said } from './cache-model-origin.ts'

export interface Asked {
  readonly method: string
  readonly target: string
  /** Lower-case names. */
  readonly fields: Readonly<Record<string, string>>
  readonly sentMs: number
}

/** What the route of the gateway adds to what the origin allows. */
export interface Leeway {
  readonly staleWhileRevalidateS: number
  readonly staleIfErrorS: number
}

export interface Void {
  readonly target: string
  readonly sentMs: number
  readonly doneMs: number
}

export interface Evidence {
  readonly journal: readonly Said[]
  /** Unsafe requests and purges. */
  readonly voids: readonly Void[]
  readonly leeway: Leeway
  /** The origin has failed in this story. */
  readonly hasFailed: () => boolean
}

interface Control {
  readonly [name: string]: string | true | undefined
}

/** Of the sent moment and the said moment, for clocks read in another order than things happened. */
const SLACK_S = 1.5

function controlOf(text: string): Control {
  const found: Record<string, string | true> = {}
  for (const [, name = '', value] of text.toLowerCase().matchAll(/([a-z-]+)(?:=("[^"]*"|[^,\s]*))?/g)) {
    found[name] = value ?? true
  }
  return found
}

const seconds = (value: string | true | undefined): number | null => (typeof value === 'string' ? Number(value) : null)

export class Judge {
  readonly #journal: readonly Said[]
  readonly #voids: readonly Void[]
  readonly #leeway: Leeway
  readonly #hasFailed: () => boolean
  readonly #cookies = new Set<string>()

  constructor({ journal, voids, leeway, hasFailed }: Evidence) {
    this.#journal = journal
    this.#voids = voids
    this.#leeway = leeway
    this.#hasFailed = hasFailed
  }

  /** Why this answer must not be; null where all is well. */
  faultIn(asked: Asked, got: RawAnswer): string | null {
    const { headers } = got
    const serial = headers['x-serial']
    if (serial === undefined) return this.#ownAnswer(asked, got)
    const said = this.#journal.find(each => each.serial === Number(serial))
    if (said === undefined || said.target !== asked.target) return `an answer of another address: ${serial}`
    if (!got.isWhole) return said.wasCut ? null : 'cut, and the origin did not'
    return this.#mayBeUsed(said, asked, got) ?? contentFault(said, asked, got)
  }

  #ownAnswer(asked: Asked, { status, headers, body }: RawAnswer): string | null {
    if (status === 504 && controlOf(asked.fields['cache-control'] ?? '')['only-if-cached']) return null
    if (status >= 500 && status <= 504 && this.#hasFailed()) return null
    return `${status} without an answer of the origin: ${JSON.stringify(headers)} ${body.subarray(0, 80)}`
  }

  #mayBeUsed(said: Said, asked: Asked, got: RawAnswer): string | null {
    for (const name of said.manner.vary) {
      if (name === '*') continue
      const was = said.request[name] ?? ''
      const is = asked.fields[name] ?? ''
      if (was !== is) return `Vary: ${name} was '${was}' for serial ${said.serial}`
    }
    const cookie = got.headers['set-cookie']
    if (cookie !== undefined) {
      if (this.#cookies.has(cookie)) return `a cookie that somebody else was given: ${cookie}`
      this.#cookies.add(cookie)
    }
    if (said.askedMs >= asked.sentMs) return null
    const reason = this.#mayBeShared(said, asked, got)
    return reason === null ? null : `serial ${said.serial} (${said.manner.control || 'no Cache-Control'}): ${reason}`
  }

  /** The answer was asked for before: it is stored, or was shared while it arrived. */
  #mayBeShared(said: Said, asked: Asked, got: RawAnswer): string | null {
    const { manner } = said
    const control = controlOf(manner.control)
    const request = controlOf(asked.fields['cache-control'] ?? '')
    if (got.headers['set-cookie'] !== undefined) return 'Set-Cookie of another request'
    if (control['private'] || (control['no-store'] && !control['must-understand'])) return 'not to be stored'
    if (manner.vary.includes('*')) return 'Vary: *'
    if (control['no-cache'] !== undefined && control['no-cache'] !== true && got.headers['x-secret'] !== undefined)
      return 'a field of no-cache'
    const isForAuthorized = control['public'] || control['must-revalidate'] || control['s-maxage'] !== undefined
    if (asked.fields['authorization'] !== undefined && !isForAuthorized) return 'shared with Authorization'
    if (said.request['authorization'] !== undefined && !isForAuthorized) return 'asked with Authorization'
    if (controlOf(said.request['cache-control'] ?? '')['no-store']) return 'asked with no-store'
    // Within one millisecond nobody can tell which came first.
    const isVoid = this.#voids.some(
      each => each.target === said.target && said.askedMs < each.sentMs && each.doneMs < asked.sentMs,
    )
    if (isVoid) return 'made void'
    if (said.doneMs === 0 || said.doneMs >= asked.sentMs) return null
    return this.#isYoungEnough(said, asked, got, { control, request }) ?? this.#isNewest(said, asked)
  }

  #isYoungEnough(
    said: Said,
    asked: Asked,
    got: RawAnswer,
    { control, request }: { control: Control; request: Control },
  ): string | null {
    if (control['no-cache'] === true) return 'no-cache'
    const age = said.manner.age + (asked.sentMs - said.saidMs) / 1000
    const lifetime = seconds(control['s-maxage']) ?? seconds(control['max-age']) ?? 0
    const stale = age - lifetime - SLACK_S
    const errorWindow = Math.max(
      seconds(control['stale-if-error']) ?? this.#leeway.staleIfErrorS,
      seconds(request['stale-if-error']) ?? 0,
    )
    const refuses = request['no-cache'] === true || asked.fields['pragma'] !== undefined
    if (refuses && asked.fields['cache-control'] === undefined) return 'Pragma: no-cache'
    if (request['no-cache'] === true) return 'asked with no-cache'
    // A failure of the origin may be answered with what is fresh, whatever its age.
    const isFailing = (got.headers['cache-status'] ?? '').includes('stale-if-error')
    if (
      request['max-age'] !== undefined &&
      !isFailing &&
      age - SLACK_S > Number(request['max-age']) &&
      errorWindow === 0
    )
      return `max-age=${request['max-age']} and ${age} old`
    if (stale <= 0) return null
    if (control['must-revalidate'] || control['proxy-revalidate'] || control['s-maxage'] !== undefined)
      return `must be asked about, ${age} old`
    const allowed = Math.max(
      errorWindow,
      seconds(control['stale-while-revalidate']) ?? this.#leeway.staleWhileRevalidateS,
      request['max-stale'] === true ? Number.POSITIVE_INFINITY : (seconds(request['max-stale']) ?? 0),
    )
    return stale <= allowed ? null : `${age} old`
  }

  /** RFC 9111 §4: of several that could be used, the one with the latest Date. */
  #isNewest(said: Said, asked: Asked): string | null {
    const newer = this.#journal.find(
      each =>
        each.target === said.target &&
        each.status === 200 &&
        each.method === 'GET' &&
        each.askedMs > said.doneMs &&
        each.doneMs > 0 &&
        each.doneMs < asked.sentMs - 50 &&
        dateOf(each) > dateOf(said) + 1_000 &&
        each.representation.id !== said.representation.id &&
        this.#isSurelyStored(each, asked),
    )
    return newer === undefined ? null : `serial ${newer.serial} is newer and stored`
  }

  #isSurelyStored(each: Said, asked: Asked): boolean {
    const { manner, request } = each
    if (each.wasCut || each.wasLeft || manner.setsCookie || manner.vary.includes('cookie') || manner.vary.includes('*'))
      return false
    if (/private|no-store|no-cache/.test(manner.control) || !/max-?age=[1-9]/.test(manner.control)) return false
    if (request['authorization'] !== undefined || /no-store/.test(request['cache-control'] ?? '')) return false
    if (manner.coding !== 'none') return false
    return manner.vary.every(name => (request[name] ?? '') === (asked.fields[name] ?? ''))
  }
}

function dateOf({ saidMs, manner }: Said): number {
  return manner.hasDate ? saidMs - manner.age * 1000 : saidMs
}
