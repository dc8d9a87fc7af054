/**
 * Names to addresses, asked anew for every new connection (only questions that overlap share an answer): a container
 * that came back under another address is found at once, and its old address, which may belong to another app by
 * now, is never dialled again. When the resolver itself fails, the last good answer is used.
 */
import { type LookupAddress, lookup as systemLookup } from 'node:dns'

/** How long a last good answer may stand in for a resolver that fails. */
export const LAST_GOOD_MS = 300_000
/** Names remembered; a home has dozens. */
const MAX_NAMES = 1_024

export type Lookup = (
  name: string,
  options: { all: true; order?: 'verbatim' },
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

interface LastGood {
  readonly addresses: LookupAddress[]
  readonly atMs: number
}

export class Resolver {
  readonly #lookup: Lookup
  readonly #lastGood = new Map<string, LastGood>()
  readonly #asking = new Map<string, Promise<LookupAddress[]>>()

  /** `lookup` is `dns.lookup` unless an app brings its own. */
  constructor(lookup: Lookup = systemLookup as Lookup) {
    this.#lookup = lookup
  }

  /**
   * The addresses of a name now.
   * @throws the resolver's error when there is neither an answer nor a last good one.
   */
  resolve(name: string): Promise<LookupAddress[]> {
    const asking = this.#asking.get(name)
    if (asking) return asking
    const answer = this.#ask(name).finally(() => this.#asking.delete(name))
    this.#asking.set(name, answer)
    return answer
  }

  #ask(name: string): Promise<LookupAddress[]> {
    return new Promise((resolve, reject) => {
      this.#lookup(name, { all: true, order: 'verbatim' }, (error, addresses) => {
        if (error === null && addresses.length > 0) {
          this.#remember(name, addresses)
          resolve(addresses)
          return
        }
        const last = this.#lastGood.get(name)
        if (last !== undefined && performance.now() - last.atMs < LAST_GOOD_MS) resolve(last.addresses)
        else reject(error ?? new Error(`${name} has no address`))
      })
    })
  }

  #remember(name: string, addresses: LookupAddress[]): void {
    if (this.#lastGood.size >= MAX_NAMES) this.#lastGood.clear()
    this.#lastGood.set(name, { addresses, atMs: performance.now() })
  }
}
