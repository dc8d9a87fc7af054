/**
 * What a pool does for later, and not for a request: it keeps as many connections warm as the last minutes needed at once, and
 * closes those that lead to where the origin's name no longer points. By the sweep.
 */
import type { ConnectionShelf } from './connection-shelf.ts'
import type { Connector } from './connector.ts'
import type { OriginAddress } from './origin-address.ts'
import type { PoolHealth } from './pool-health.ts'
import type { PoolLimits } from './pool-limits.ts'
import { WarmDemand } from './warm-demand.ts'

/** How often the addresses of a name are compared with those of kept connections. */
const ADDRESS_CHECK_MS = 5_000

export interface UpkeepSetup {
  readonly address: OriginAddress
  readonly connector: Connector
  readonly keepAlive: boolean
  readonly health: PoolHealth
}

export class Upkeep {
  readonly #setup: UpkeepSetup
  readonly #shelf: ConnectionShelf
  readonly #limits: PoolLimits
  readonly #demand = new WarmDemand()
  #addressesCheckedMs = 0

  constructor(setup: UpkeepSetup, shelf: ConnectionShelf, limits: PoolLimits) {
    this.#setup = setup
    this.#shelf = shelf
    this.#limits = limits
  }

  /** Requests in flight now. */
  note(nowMs: number, inFlight: number): void {
    this.#demand.note(nowMs, inFlight)
  }

  /** Whether one more is to be opened and kept, beside the `opening` that are under way. */
  wantsOneMore(nowMs: number, opening: number): boolean {
    const { keepAlive, health } = this.#setup
    if (!keepAlive || health.stateAt(nowMs) === 'ejected' || !this.#shelf.isKeeping(nowMs)) return false
    const { minSize, maxSize } = this.#limits
    return this.#shelf.size + opening < Math.min(this.#demand.wanted(nowMs), minSize, maxSize)
  }

  checkAddresses(nowMs: number): void {
    const { address, connector } = this.#setup
    if (!address.isName || nowMs - this.#addressesCheckedMs <= ADDRESS_CHECK_MS) return
    this.#addressesCheckedMs = nowMs
    if (this.#shelf.size === 0) return
    connector.currentAddresses().then(addresses => {
      if (addresses !== null) this.#shelf.closeElsewhere(addresses)
    })
  }
}
