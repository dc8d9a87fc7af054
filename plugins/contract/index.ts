/**
 * The only thing that plugins share: signals (numbers out), tunables (numbers in), the journal and the notes (what
 * happened and why), the resolving of options, the readings of a path, which every rule about paths has to share, and the
 * names of fields that no client may say of itself.
 */

export { type Contract, contractOf } from './app.ts'
export { Bag, type BagMember } from './bag.ts'
export type { Exchange } from './exchanges/exchange.ts'
export type { ExchangeEntry, ExchangeFacts, FactsOf, Outcome, Redaction } from './exchanges/facts.ts'
export { type ExchangeListener, Exchanges, exchangesOf } from './exchanges/follow.ts'
export { contentTypeOf, isEndless, isNamed } from './fields.ts'
export { flushHead } from './flush-head.ts'
export { forgetListeners } from './forget-listeners.ts'
export { holdingClient, provesConnection } from './holding-client.ts'
export {
  type AttemptKind,
  type AttemptRecord,
  Channel,
  type ClientClass,
  Journal,
  type RequestRecord,
} from './journal.ts'
export { LoopDelayReader } from './loop-delay.ts'
export { addNote, MAX_NOTES, type Note, notesOf } from './notes.ts'
export { OptionsError, resolveOptions } from './options.ts'
export {
  type CanonicalPath,
  canonicalPath,
  collapseSlashes,
  isPlainPath,
  loosen,
  looseReadings,
  type PathFault,
} from './path.ts'
export { compilePaths, MAX_PATTERNS, type PathSet, patternProblem } from './path-set.ts'
export { isIdentityField, wayFields } from './peer-fields.ts'
export { isFieldValue, LearnedLines, RepeatedLines } from './repeated-lines.ts'
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
export { deferToTurnEnd, endTurnNow, type TurnEndTask } from './turn-end.ts'
