/**
 * The kind of an attempt's end for its record: coarser than the failure itself.
 */
import type { AttemptKind } from '../contract/index.ts'
import type { FailureKind } from './errors.ts'

const kinds: Readonly<Record<FailureKind, AttemptKind>> = {
  dns: 'connect',
  refused: 'connect',
  unreachable: 'connect',
  connectTimeout: 'connect',
  certificate: 'connect',
  tls: 'connect',
  full: 'aborted',
  queueTimeout: 'aborted',
  noOrigin: 'aborted',
  circuitOpen: 'aborted',
  aborted: 'aborted',
  headTimeout: 'timeout',
  bodyTimeout: 'timeout',
  reset: 'reset',
  incomplete: 'reset',
  invalid: 'reset',
  headTooLarge: 'reset',
}

/** `failure` null = the answer was whole. */
export function attemptKind(failure: FailureKind | null, status: number): AttemptKind {
  return failure !== null ? kinds[failure] : status >= 500 ? '5xx' : 'ok'
}
