/**
 * After a long time without traffic what was found says less and less: the knobs of an upstream go back to where they
 * began, a tenth of the way a minute. The next load meets values that suit most upstreams, and not those of a load that is
 * gone.
 */
import { rounded } from '../model/numbers.ts'
import type { UpstreamMemory } from '../model/upstream-memory.ts'
import type { KnobValue } from '../types.ts'
import type { Book, Knob } from './book.ts'

const MINUTE = 60
/** Windows without traffic after which the way back begins. */
export const IDLE_WINDOWS = 10 * MINUTE
const STEPS = 10
/** The time limit is only ever raised; the other two follow from what else is known, each by a rule of its own. */
const STAYING: ReadonlySet<string> = new Set(['timeoutMs', 'exempt', 'queueOrder'])

export type IdleDecision =
  | { readonly move: true; readonly to: KnobValue; readonly reason: string }
  | { readonly move: false; readonly reason: 'not idle for long' | 'not this minute' | 'is there already' }

/** Values that are no numbers have no way: they go at the end of it. */
export function decideIdle(idleWindows: number, value: KnobValue, home: KnobValue): IdleDecision {
  const since = idleWindows - IDLE_WINDOWS
  if (since < 0) return { move: false, reason: 'not idle for long' }
  if (since % MINUTE !== 0) return { move: false, reason: 'not this minute' }
  const step = since / MINUTE + 1
  const isEnd = step >= STEPS
  const isNumber = typeof value === 'number' && typeof home === 'number'
  if (value === home || !(isNumber || isEnd)) return { move: false, reason: 'is there already' }
  const to = isEnd || !isNumber ? home : part(value, home, STEPS + 1 - step)
  if (to === value) return { move: false, reason: 'is there already' }
  return { move: true, to, reason: `nothing was asked for ${rounded(idleWindows / MINUTE)} minutes` }
}

/** Of whole numbers a whole one. */
function part(value: number, home: number, ofSteps: number): number {
  const to = value + (home - value) / ofSteps
  return Number.isInteger(value) && Number.isInteger(home) ? Math.round(to) : to
}

/** True = the way has come to its end in this window. */
export function goHomeWhileIdle({ id, routes, idle }: UpstreamMemory, book: Book): boolean {
  if (idle < IDLE_WINDOWS || (idle - IDLE_WINDOWS) % MINUTE !== 0) return false
  for (const knob of book.of('upstream', id)) goHome(knob, idle, book)
  for (const route of routes) for (const knob of book.of('route', route.id)) goHome(knob, idle, book)
  return idle === IDLE_WINDOWS + (STEPS - 1) * MINUTE
}

function goHome({ scope, target, knob, value, home }: Knob, idle: number, book: Book): void {
  if (STAYING.has(knob)) return
  const decision = decideIdle(idle, value, home)
  if (!decision.move) return
  book.change({
    scope,
    target,
    knob,
    to: decision.to,
    protects: true,
    hypothesis: decision.reason,
    evidence: { idleMinutes: rounded(idle / MINUTE) },
    expected: 'the next load meets what suits most upstreams',
  })
}
