/**
 * What the resources of the origins have said about the codings that they read (RFC 9110 §12.5.3, RFC 7694): kept for a
 * time and within a bound, since it is true of one resource only and may change.
 */

/** Most resources that are remembered; the one that said something the longest ago goes first. */
export const MAX_RESOURCES = 1_024
/** How long it is believed. */
export const LEARNED_MS = 3_600_000
/** Longer names and values are not remembered. */
const MAX_NAME_LENGTH = 2_048
const MAX_VALUE_LENGTH = 256

/** The value of an Accept-Encoding that takes nothing. */
const NOTHING = 'identity'

export interface Resource {
  readonly upstream: string
  readonly host: string
  /** With its query, as it is sent. */
  readonly target: string
}

interface Learned {
  readonly accepts: string
  readonly untilMs: number
}

export class LearnedCodings {
  readonly #resources = new Map<string, Learned>()

  get size(): number {
    return this.#resources.size
  }

  /** `accepts` is the value of an Accept-Encoding in an answer. */
  note(resource: Resource, accepts: string, nowMs: number): void {
    const name = nameOf(resource)
    if (name.length > MAX_NAME_LENGTH || accepts.length > MAX_VALUE_LENGTH) return
    this.#resources.delete(name)
    this.#resources.set(name, { accepts, untilMs: nowMs + LEARNED_MS })
    if (this.#resources.size <= MAX_RESOURCES) return
    for (const oldest of this.#resources.keys()) {
      this.#resources.delete(oldest)
      return
    }
  }

  /** It has refused an encoded body that it takes plain. */
  refuse(resource: Resource, nowMs: number): void {
    this.note(resource, NOTHING, nowMs)
  }

  /** Null = nothing is known. */
  accepts(resource: Resource, nowMs: number): string | null {
    if (this.#resources.size === 0) return null
    const name = nameOf(resource)
    const learned = this.#resources.get(name)
    if (learned === undefined) return null
    if (learned.untilMs > nowMs) return learned.accepts
    this.#resources.delete(name)
    return null
  }
}

/** No part of it holds a line feed. */
function nameOf({ upstream, host, target }: Resource): string {
  return `${upstream}\n${host}\n${target}`
}
