/**
 * When a server that fails is left alone, and when it is asked again: three failures in a row open the circuit for two
 * seconds, twice as long after each failed probe, at most thirty. Questions that were open together when one of them
 * failed say the same thing once. Pure; the clock is an argument.
 */

export const FAILURES_TO_OPEN = 3
export const FIRST_OPEN_MS = 2_000
export const LONGEST_OPEN_MS = 30_000
/** Successes after which the next outage begins with the shortest pause again. */
export const SUCCESSES_TO_FORGET = 20

export interface Circuit {
  readonly state: 'closed' | 'open'
  /** In a row. */
  readonly failures: number
  /** When the last of them was counted. */
  readonly failedAtMs: number
  readonly successes: number
  /** Length of the last pause; 0 = none lately. */
  readonly pauseMs: number
  /** End of the pause: then one probe decides. */
  readonly probeAtMs: number
}

export const closedCircuit: Circuit = {
  state: 'closed',
  failures: 0,
  failedAtMs: Number.NEGATIVE_INFINITY,
  successes: 0,
  pauseMs: 0,
  probeAtMs: 0,
}

export function afterSuccess(circuit: Circuit): Circuit {
  if (circuit.state === 'open') return circuit
  const successes = Math.min(circuit.successes + 1, SUCCESSES_TO_FORGET)
  return { ...circuit, failures: 0, successes, pauseMs: successes < SUCCESSES_TO_FORGET ? circuit.pauseMs : 0 }
}

/** `askedAtMs` = when the question was asked that has failed now. */
export function afterFailure(circuit: Circuit, nowMs: number, askedAtMs = nowMs): Circuit {
  if (circuit.state === 'open' || askedAtMs < circuit.failedAtMs) return circuit
  const failures = circuit.failures + 1
  if (failures < FAILURES_TO_OPEN) return { ...circuit, failures, failedAtMs: nowMs, successes: 0 }
  return opened(circuit, nowMs)
}

/** What follows from a failure that is worth a pause by itself. */
export function opened(circuit: Circuit, nowMs: number): Circuit {
  return circuit.state === 'open' ? circuit : openFor(longerPause(circuit.pauseMs), nowMs)
}

/** What the probe (or the news that the connection is up again) leads to. */
export function afterProbe(circuit: Circuit, succeeded: boolean, nowMs: number): Circuit {
  if (circuit.state === 'closed') return circuit
  if (!succeeded) return openFor(longerPause(circuit.pauseMs), nowMs)
  return { ...closedCircuit, pauseMs: circuit.pauseMs }
}

function openFor(pauseMs: number, nowMs: number): Circuit {
  return { ...closedCircuit, state: 'open', pauseMs, probeAtMs: nowMs + pauseMs }
}

function longerPause(pauseMs: number): number {
  return pauseMs === 0 ? FIRST_OPEN_MS : Math.min(pauseMs * 2, LONGEST_OPEN_MS)
}
