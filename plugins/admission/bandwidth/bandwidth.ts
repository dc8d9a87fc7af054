/**
 * Which rates hold for which answer: those of its group of origins, and the line to the outside for clients who are there.
 */
import type { PriorityClass } from '../rules/rank.ts'
import { isOutside } from './outside.ts'
import { type PacedAnswer, Pacing } from './pacing.ts'

/** Of one group. Bytes per second; null = no limit. */
export interface GroupRates {
  readonly perClient: number | null
  readonly perRoute: number | null
  readonly priority: PriorityClass
}

export interface AnswerFor {
  readonly upstream: string
  /** What the client is counted under. */
  readonly client: string
  readonly address: string
}

export class Bandwidth {
  readonly #pacing = new Pacing()
  readonly #defaults: GroupRates
  #groups: ReadonlyMap<string, GroupRates> = new Map()
  #uplink: number | null = null
  #isOn = false

  /** `defaults` holds for groups that are not named. */
  constructor(defaults: GroupRates) {
    this.#defaults = defaults
  }

  /** `groups` by name; running answers keep the rates that they began with. */
  apply(groups: ReadonlyMap<string, GroupRates>, uplink: number | null): void {
    this.#groups = groups
    this.#uplink = uplink
    const isLimited = ({ perClient, perRoute }: GroupRates) => perClient !== null || perRoute !== null
    this.#isOn = uplink !== null || isLimited(this.#defaults) || [...groups.values()].some(isLimited)
    this.#pacing.forgetRoutes()
  }

  get isOn(): boolean {
    return this.#isOn
  }

  /** Answers that wait for their rate. */
  get waiting(): number {
    return this.#pacing.waiting
  }

  paceFor({ upstream, client, address }: AnswerFor): PacedAnswer | null {
    const { perClient, perRoute, priority } = this.#groups.get(upstream) ?? this.#defaults
    const uplink = this.#uplink !== null && isOutside(address) ? this.#uplink : null
    return this.#pacing.paceFor({ route: upstream, client, priority }, { perClient, perRoute, uplink })
  }

  close(): void {
    this.#pacing.close()
  }
}
