/**
 * Keys whose capability is not built yet. They are read and checked, and draw one warning each where somebody wrote
 * them with another meaning than "off". A capability that is built takes its lines out of this list.
 */
import { isBlock } from './complete.ts'
import type { Draft } from './draft.ts'
import type { Slip, Written } from './read-context.ts'

interface Planned {
  /** Path in the YAML: of the file, or of a route and `defaults`. */
  readonly key: string
  readonly scope: 'top' | 'route'
  /** What cannot be done yet. */
  readonly what: string
  isOff(value: unknown): boolean
}

const isFalse = (value: unknown): boolean => value === false
const isOne = (value: unknown): boolean => value === 1
const isNull = (value: unknown): boolean => value === null
const never = (): boolean => false

export const planned: readonly Planned[] = [
  { key: 'redis', scope: 'top', what: 'write metrics to Redis', isOff: isNull },
  { key: 'retry', scope: 'route', what: 'try a failed request again', isOff: isFalse },
  { key: 'tuner', scope: 'route', what: 'tune itself', isOff: value => isBlock(value) && value['mode'] === 'off' },
  { key: 'health.probe', scope: 'route', what: 'probe origins', isOff: isNull },
  { key: 'health.hold', scope: 'route', what: 'wait for an origin that restarts', isOff: never },
  { key: 'request_optimization.batch_size', scope: 'route', what: 'serve batch calls', isOff: never },
  { key: 'request_optimization.max_concurrent', scope: 'route', what: 'serve batch calls', isOff: never },
  { key: 'request_optimization.retry_attempts', scope: 'route', what: 'try a failed request again', isOff: isOne },
]

/** One slip for each planned key that is in use, at the first place where it is. */
export function findPlanned(draft: Draft): Slip[] {
  const prefixes = ['defaults', ...draft.routes.map(route => route.path)]
  return planned.flatMap(entry => {
    const paths = entry.scope === 'top' ? [entry.key] : prefixes.map(prefix => `${prefix}.${entry.key}`)
    const uses = paths
      .map(path => draft.written.get(path))
      .filter((use): use is Written => use?.value !== undefined && !entry.isOff(use.value))
      .toSorted((a, b) => a.keyPlace.line - b.keyPlace.line)
    return uses[0] === undefined ? [] : [slipFor(entry, uses[0], uses.slice(1))]
  })
}

function slipFor(entry: Planned, first: Written, others: readonly Written[]): Slip {
  const lines = others.slice(0, 5).map(use => use.keyPlace.line)
  const also = lines.length === 0 ? '' : ` (also line ${lines.join(', ')}${others.length > 5 ? ', …' : ''})`
  return {
    path: first.path,
    place: first.keyPlace,
    message: `"${entry.key}" has no effect yet: this version cannot ${entry.what}${also}`,
  }
}
