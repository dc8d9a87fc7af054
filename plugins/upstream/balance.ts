/**
 * Chooses the origin for an attempt: smooth weighted round robin, or least requests by weight. Pure over the numbers
 * that each candidate carries.
 */

export interface Candidate {
  readonly weight: number
  readonly inFlight: number
  /** Left out until this time (ms) after a failure to connect; 0 = healthy. */
  readonly avoidUntilMs: number
  /** Running credit of the smooth weighted round robin; written here. */
  credit: number
}

export type BalancePolicy = 'round_robin' | 'least_requests'

/**
 * The best candidate that is neither in `tried` nor to be avoided; when every one of them is to be avoided they all
 * count again (better a try than a refusal). Null when all were tried.
 */
export function chooseOrigin<T extends Candidate>(
  candidates: readonly T[],
  policy: BalancePolicy,
  tried: ReadonlySet<unknown> | null,
  nowMs: number,
): T | null {
  const only = candidates[0]
  if (candidates.length === 1 && only !== undefined) return tried?.has(only) ? null : only
  const untried = tried === null ? candidates : candidates.filter(candidate => !tried.has(candidate))
  const healthy = untried.filter(candidate => candidate.avoidUntilMs <= nowMs)
  const eligible = healthy.length > 0 ? healthy : untried
  return policy === 'least_requests' ? leastRequests(eligible) : nextInTurn(eligible)
}

/** nginx's smooth weighted round robin: every candidate earns its weight, the richest pays the sum. */
function nextInTurn<T extends Candidate>(eligible: readonly T[]): T | null {
  let best: T | null = null
  let total = 0
  for (const candidate of eligible) {
    candidate.credit += candidate.weight
    total += candidate.weight
    if (best === null || candidate.credit > best.credit) best = candidate
  }
  if (best !== null) best.credit -= total
  return best
}

function leastRequests<T extends Candidate>(eligible: readonly T[]): T | null {
  let best: T | null = null
  for (const candidate of eligible) {
    if (best === null || (candidate.inFlight + 1) / candidate.weight < (best.inFlight + 1) / best.weight) {
      best = candidate
    }
  }
  return best
}
