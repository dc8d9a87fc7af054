/**
 * Chooses the origin for an attempt. Pure over the numbers that each candidate carries; randomness is an argument.
 */

export interface Candidate {
  readonly address: { readonly url: string }
  /** Share of the requests now: the configured one, less while an origin is new again. */
  weightAt(nowMs: number): number
  readonly inFlight: number
  /** Average time to an answer, 0 = not known. */
  readonly latencyMs: number
  /** Not to be taken now: left out after a failure, or being tried with one request. */
  isAvoided(nowMs: number): boolean
  /** Running credit of the smooth weighted round robin; written here. */
  credit: number
}

export type BalancePolicy = 'round_robin' | 'least_requests' | 'p2c' | 'hash'

export interface Choice {
  readonly policy: BalancePolicy
  readonly tried: ReadonlySet<unknown> | null
  /** By URL: taken only when there is no other. */
  readonly avoid: ReadonlySet<string> | undefined
  /** What `hash` goes by; without it the turn decides. */
  readonly key: string | undefined
  readonly nowMs: number
  random(): number
}

/** Fewer healthy origins than this share: all count again, since those few would be overrun. */
export const PANIC_SHARE = 0.25

/**
 * The best candidate that is neither in `tried` nor to be avoided; when every one of them is to be avoided they all
 * count again (better a try than a refusal). Null when all were tried.
 */
export function chooseOrigin<T extends Candidate>(candidates: readonly T[], choice: Choice): T | null {
  const only = candidates[0]
  if (candidates.length === 1 && only !== undefined) return choice.tried?.has(only) ? null : only
  const eligible = eligibleOf(candidates, choice)
  switch (choice.policy) {
    case 'least_requests':
      return least(eligible, choice.nowMs, false)
    case 'p2c':
      return least(twoOf(eligible, choice.random), choice.nowMs, true)
    case 'hash':
      return choice.key === undefined ? nextInTurn(eligible, choice.nowMs) : byHash(eligible, choice.key)
    default:
      return nextInTurn(eligible, choice.nowMs)
  }
}

function eligibleOf<T extends Candidate>(all: readonly T[], { tried, avoid, nowMs }: Choice): readonly T[] {
  const untried = tried === null ? all : all.filter(candidate => !tried.has(candidate))
  const healthy = untried.filter(candidate => !candidate.isAvoided(nowMs))
  const isPanic = healthy.length === 0 || healthy.length < untried.length * PANIC_SHARE
  const eligible = isPanic ? untried : healthy
  if (avoid === undefined || avoid.size === 0) return eligible
  const others = eligible.filter(({ address }) => !avoid.has(address.url))
  return others.length > 0 ? others : eligible
}

/** nginx's smooth weighted round robin: every candidate earns its weight, the richest pays the sum. */
function nextInTurn<T extends Candidate>(eligible: readonly T[], nowMs: number): T | null {
  let best: T | null = null
  let total = 0
  for (const candidate of eligible) {
    const weight = candidate.weightAt(nowMs)
    candidate.credit += weight
    total += weight
    if (best === null || candidate.credit > best.credit) best = candidate
  }
  if (best !== null) best.credit -= total
  return best
}

/** The fewest running requests by weight; with `byTime` each counts as long as the origin takes. */
function least<T extends Candidate>(eligible: readonly T[], nowMs: number, byTime: boolean): T | null {
  let best: T | null = null
  let bestCost = Number.POSITIVE_INFINITY
  for (const candidate of eligible) {
    const time = byTime ? Math.max(1, candidate.latencyMs) : 1
    const cost = (time * (candidate.inFlight + 1)) / candidate.weightAt(nowMs)
    if (best !== null && cost >= bestCost) continue
    best = candidate
    bestCost = cost
  }
  return best
}

/** Two different ones by chance: enough to keep away from the worst, and no herd on the best. */
function twoOf<T>(eligible: readonly T[], random: () => number): readonly T[] {
  if (eligible.length <= 2) return eligible
  const first = Math.floor(random() * eligible.length)
  const step = 1 + Math.floor(random() * (eligible.length - 1))
  return [eligible[first] as T, eligible[(first + step) % eligible.length] as T]
}

/** Rendezvous hashing by weight: an origin that goes or comes moves only the keys that are its own. */
function byHash<T extends Candidate>(eligible: readonly T[], key: string): T | null {
  let best: T | null = null
  let bestScore = Number.NEGATIVE_INFINITY
  for (const candidate of eligible) {
    // The full weight: keys must not wander while an origin warms up.
    const score = -candidate.weightAt(Number.POSITIVE_INFINITY) / Math.log(unitHash(`${key} ${candidate.address.url}`))
    if (best !== null && score <= bestScore) continue
    best = candidate
    bestScore = score
  }
  return best
}

/** FNV-1a with a final mix, in (0, 1). */
function unitHash(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (((hash ^ (hash >>> 16)) >>> 0) + 1) / (2 ** 32 + 1)
}
