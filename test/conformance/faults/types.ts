/** The words of the fault suite: a case, the lab it runs in, and what its function gets. */
import type { RawClient } from '../../support/raw-client.ts'
import type { Lab } from './lab.ts'

export interface FaultCase {
  readonly name: string
  readonly category: string
  /** Bytes as a string (one character a byte), or a sentence. */
  readonly sends: string
  readonly must: string
  readonly source: string
}

/** What the function of a case works with; everything it opens is closed after it. */
export interface CaseRun {
  readonly lab: Lab
  readonly fault: FaultCase
  /** A token that is new in every run. */
  readonly id: string
  cleanup(fn: () => unknown): void
  /** A raw client of the plain listener. */
  client(): RawClient
}

/** Runs one case; the text it returns is printed beside "ok". Throws `Miss` when the case is missed. */
// biome-ignore lint/suspicious/noConfusingVoidType: most cases have nothing to remark
export type CaseFunction = (run: CaseRun) => Promise<string | void>

export class Miss extends Error {
  override name = 'Miss'
}

/** Throws `Miss` unless `holds`. */
export function must(holds: unknown, reason: string): asserts holds {
  if (!holds) throw new Miss(reason)
}
