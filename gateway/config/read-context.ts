/**
 * What the reading of a file carries along: where it is, what was read and what was wrong.
 */
import type { Node } from 'yaml'
import type { Environment } from './env.ts'
import { type Place, quote } from './problem.ts'
import type { KeyIndex } from './suggest.ts'
import type { YamlSource } from './yaml-source.ts'

/** A value that was read, by its path in the YAML (`routes.0.limits.body_size`). */
export interface Written {
  readonly path: string
  /** Where the value stands, and its key (the same place for items of a list). */
  readonly place: Place
  readonly keyPlace: Place
  readonly value: unknown
  /** Set for files that have to exist: the text as written. */
  readonly file: string | null
}

export interface Slip {
  readonly path: string
  readonly place: Place
  readonly message: string
}

export interface ReadContext {
  readonly source: YamlSource
  readonly folder: string
  readonly environment: Environment
  readonly index: KeyIndex
  readonly slips: Slip[]
  /** Paths of the slips and of everything that holds them. */
  readonly faulty: Set<string>
  readonly written: Map<string, Written>
  visited: number
}

/** Where a value is being read: its path, the key it belongs to and where that stands. */
export interface Spot {
  readonly path: string
  readonly key: string
  readonly place: Place
}

export const TOP: Spot = { path: '', key: 'file', place: { line: 1, column: 1 } }

/** Notes a slip at the node, or at the spot where there is none; gives undefined, as what could not be read. */
export function report(spot: Spot, node: Node | null, problem: string, context: ReadContext): undefined {
  const message = spot.key === '' || spot.key === 'file' ? problem : `${quote(spot.key)}: ${problem}`
  addSlip(context, { path: spot.path, place: context.source.placeOf(node) ?? spot.place, message })
  return undefined
}

/** Notes a slip and that everything above its path is faulty. */
export function addSlip(to: Pick<ReadContext, 'slips' | 'faulty'>, slip: Slip): void {
  to.slips.push(slip)
  for (let path = slip.path; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('.')))) to.faulty.add(path)
}
