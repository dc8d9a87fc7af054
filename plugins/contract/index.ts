/**
 * The only thing that plugins share: signals (numbers out), tunables (numbers in) and the resolving of options.
 */

export { type Contract, contractOf } from './app.ts'
export { Bag, type BagMember } from './bag.ts'
export { OptionsError, resolveOptions } from './options.ts'
export {
  MAX_SERIES,
  type Observed,
  type Series,
  Signal,
  type SignalKind,
  type SignalSpec,
  Signals,
  type SignalValue,
} from './signals.ts'
export { clampToBounds, type Tunable, Tunables } from './tunables.ts'
