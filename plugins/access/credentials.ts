/**
 * Names and passwords as browsers send them (RFC 7617): with every request, so a pair that was right is remembered for a
 * while, as a keyed digest and never as text.
 */
import { createHmac, randomBytes } from 'node:crypto'
import { isPassword } from './password.ts'
import type { UserHash } from './users.ts'

export interface Credentials {
  readonly user: string
  readonly password: string
}

/** How long a pair that was right needs no check. */
const REMEMBER_MS = 5 * 60_000
/** Most pairs that are remembered. */
const MAX_REMEMBERED = 1_000
/** Checks at once; each takes memory and a thread of Node's pool, or waits for the one of bcrypt. */
const MAX_RUNNING = 2
/** Checks that may wait; who comes later is told to come again. */
const MAX_WAITING = 32
/** Longest field that is read. */
const MAX_LENGTH = 1_024

/** Null where the field is no Basic credentials. */
export function readBasic(field: string | undefined): Credentials | null {
  if (field === undefined || field.length > MAX_LENGTH) return null
  const token = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(field)?.[1]
  if (token === undefined) return null
  const text = Buffer.from(token, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon === -1 ? null : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

export type Verdict = 'right' | 'wrong' | 'busy'

export class CredentialBook {
  readonly #key = randomBytes(32)
  readonly #right = new Map<string, number>()
  readonly #running = new Map<string, Promise<Verdict>>()
  readonly #waiting: (() => void)[] = []
  #active = 0

  /** Whether the pair is known to be right, without a check. `user`: what is known of its name now. */
  remembers(credentials: Credentials, user: UserHash, nowMs: number): boolean {
    const sinceMs = this.#right.get(this.#digest(credentials, user))
    return sinceMs !== undefined && nowMs - sinceMs < REMEMBER_MS
  }

  /** One check for all who ask the same at once. A user that does not exist takes as long as one that does. */
  verify(credentials: Credentials, user: UserHash, nowMs: number): Promise<Verdict> {
    const digest = this.#digest(credentials, user)
    const running = this.#running.get(digest)
    if (running !== undefined) return running
    if (this.#waiting.length >= MAX_WAITING) return Promise.resolve('busy')
    const check = this.#check(credentials, user).then(verdict => {
      this.#running.delete(digest)
      if (verdict === 'right') this.#remember(digest, nowMs)
      return verdict
    })
    this.#running.set(digest, check)
    return check
  }

  async #check({ password }: Credentials, { hash, isKnown }: UserHash): Promise<Verdict> {
    if (this.#active >= MAX_RUNNING) await new Promise<void>(wake => this.#waiting.push(wake))
    this.#active++
    try {
      const isRight = await isPassword(password, hash)
      return isRight && isKnown ? 'right' : 'wrong'
    } catch {
      // No memory, or a thread that died: of the password nothing is known.
      return 'busy'
    } finally {
      this.#active--
      this.#waiting.shift()?.()
    }
  }

  /** Looked up by its digest under a key of this process, so that the time of the look-up says nothing of a password. */
  #digest({ user, password }: Credentials, { isKnown, hash: { algorithm, salt, hash } }: UserHash): string {
    const keyed = createHmac('sha256', this.#key).update(`${isKnown} ${algorithm} ${salt.length} ${hash.length}:`)
    keyed.update(salt).update(hash)
    return keyed.update(`${Buffer.byteLength(user)}:${user}${password}`).digest('base64')
  }

  #remember(digest: string, nowMs: number): void {
    this.#right.delete(digest)
    const oldest = this.#right.size < MAX_REMEMBERED ? undefined : this.#right.keys().next().value
    if (oldest !== undefined) this.#right.delete(oldest)
    this.#right.set(digest, nowMs)
  }
}
