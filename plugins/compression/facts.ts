/**
 * What became of one answer, for the access log, metrics and `explain`.
 */
import type { SkipReason } from './rules/types.ts'

export interface CompressionFacts {
  /** The coding that the plugin made; null where it made none. */
  readonly encoding: string | null
  /** `encoded`, or why the answer was left as it came. */
  readonly reason: 'encoded' | SkipReason
  /** Of the body before and after, as far as it has been sent; 0 where the plugin did not touch the body. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Time that the encoder was busy, in ms. */
  readonly cpuMs: number
}

/** The same while it is being written. */
export type WrittenFacts = { -readonly [Key in keyof CompressionFacts]: CompressionFacts[Key] }
