/**
 * Whether what a store on a disk or in Redis gives back is a head as this build writes them: another version of the gateway
 * may have written it, or somebody else altogether. What is none is not stored as far as a request is concerned.
 */
import type { StoredHead } from './types.ts'

type Check = (value: unknown) => boolean

const isText: Check = value => typeof value === 'string'
const isNumber: Check = value => typeof value === 'number' && Number.isFinite(value)
const isFlag: Check = value => typeof value === 'boolean'
const isStatus: Check = value => Number.isInteger(value) && (value as number) >= 200 && (value as number) <= 599
const isTexts: Check = value => Array.isArray(value) && value.every(isText)
const isRecord: Check = value => typeof value === 'object' && value !== null && !Array.isArray(value)
const orNull =
  (check: Check): Check =>
  value =>
    value === null || check(value)

/** Flat, and nothing in it that could end a line. */
const isFields: Check = value => Array.isArray(value) && value.length % 2 === 0 && value.every(isLinePart)
const isLinePart: Check = value => isText(value) && !/[\r\n\0]/.test(value as string)

function has(checks: Readonly<Record<string, Check>>): Check {
  const entries = Object.entries(checks)
  return value => isRecord(value) && entries.every(([name, check]) => check((value as Record<string, unknown>)[name]))
}

const isSpan = has({ first: isNumber, last: isNumber, total: orNull(isNumber) })
const isFreshness = has({ lifetimeMs: isNumber, initialAgeMs: isNumber, source: isText })
const isLimits = has({
  alwaysRevalidate: isFlag,
  mustRevalidate: isFlag,
  staleWhileRevalidateMs: orNull(isNumber),
  staleIfErrorMs: orNull(isNumber),
  isForAuthorized: isFlag,
})

const checks: Readonly<Record<keyof StoredHead, Check>> = {
  status: isStatus,
  headers: isFields,
  method: isText,
  requestTimeMs: isNumber,
  responseTimeMs: isNumber,
  bodyLength: orNull(isNumber),
  varyNames: isTexts,
  varyValues: isRecord,
  isPartial: orNull(isSpan),
  tags: isTexts,
  etag: orNull(isLinePart),
  lastModified: orNull(isLinePart),
  lastModifiedMs: orNull(isNumber),
  dateMs: isNumber,
  freshness: isFreshness,
  limits: isLimits,
}

/** With the tag of the cache's own, where an answer came without one. */
export const isReadableHead: Check = has({ ...checks, ownTag: orNull(isLinePart) })

/** Of a coded form. */
export const isReadableCodedHead: Check = has({ coding: isText, codedFrom: isText })
