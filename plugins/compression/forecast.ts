/**
 * What would happen to the answer of a request, before there is one: for `explain`. With the figures that the costs begin
 * with, so that it says the same on a machine that has not measured anything yet.
 */
import { pickLevel } from './answer/pick-level.ts'
import { usualBytesPerMs } from './measure/bandwidth.ts'
import { Costs } from './measure/costs.ts'
import { decideRequest } from './requests/decide-request.ts'
import { readRequestBodyFields } from './requests/request-fields.ts'
import { RouteRules } from './route-rules.ts'
import { hasDirective } from './rules/answer-fields.ts'
import { decideAnswer } from './rules/decide.ts'
import {
  type Coding,
  type ContentClass,
  contentClasses,
  type Decodable,
  nameOfCodings,
  type RouteCompression,
  type SkipReason,
} from './rules/types.ts'

export interface ForecastQuestion {
  readonly method: string
  /** Values of the request's fields, undefined where it has none. */
  readonly acceptEncoding: string | undefined
  readonly cacheControl: string | undefined
  readonly range: string | undefined
  /** Address of the client. */
  readonly client: string
}

export interface Forecast {
  /** Null where no answer would be encoded, with the reason. */
  readonly coding: Coding | null
  readonly reason: 'encoded' | SkipReason
  /** For a body of `FORECAST_BYTES` on an idle machine; classes with a ceiling of 0 are missing. */
  readonly expected: readonly ExpectedEncoding[]
}

export interface ExpectedEncoding {
  readonly contentClass: ContentClass
  readonly level: number
  readonly bytes: number
  readonly ms: number
}

/** What would happen to the body of a request, of a resource that has said nothing of its codings yet. */
export interface RequestForecast {
  readonly coding: Decodable | 'chain' | null
  /** A word of the rules for request bodies, or `no-body`. */
  readonly reason: string
}

/** `headers` flat, as the client sends them. */
export function forecastRequest(settings: RouteCompression, headers: readonly string[]): RequestForecast {
  const { contentLength, isChunked } = readFraming(headers)
  if (!isChunked && (contentLength === null || contentLength === 0)) return { coding: null, reason: 'no-body' }
  const question = {
    fields: readRequestBodyFields(headers),
    length: isChunked ? null : contentLength,
    advertised: null,
  }
  const decision = decideRequest(question, new RouteRules(settings))
  const coding = decision.act === 'decode' ? nameOfCodings(decision.codings) : null
  return { coding: decision.act === 'encode' ? decision.coding : coding, reason: decision.reason }
}

function readFraming(headers: readonly string[]): { contentLength: number | null; isChunked: boolean } {
  let contentLength: number | null = null
  let isChunked = false
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const lower = (headers[i] as string).toLowerCase()
    if (lower === 'content-length') contentLength = Number(headers[i + 1])
    else if (lower === 'transfer-encoding') isChunked = true
  }
  return { contentLength, isChunked }
}

/** Body that is forecast. */
export const FORECAST_BYTES = 100 * 1024

const idle = { loopDelayMs: 0, cpuShare: 0, isHighFull: false }
/** Stands for an answer of each class. */
const textAnswer = {
  contentType: 'text/html',
  contentEncoding: null,
  contentRange: false,
  noTransform: false,
  unbuffered: false,
  acceptEncoding: null,
}

export function forecast(settings: RouteCompression, question: ForecastQuestion): Forecast {
  const rules = new RouteRules(settings)
  const { method, acceptEncoding, cacheControl, range, client } = question
  const request = {
    coding: rules.choose(acceptEncoding),
    isRange: range !== undefined && method === 'GET',
    noTransform: hasDirective(cacheControl ?? '', 'no-transform'),
  }
  const asked = { method, status: 200, fields: textAnswer, length: null, hasTrailers: false, request }
  const decision = decideAnswer(asked, { ...rules, levelMap: { ...rules.levelMap, text: 9 } })
  if (!decision.encode) return { coding: null, reason: decision.reason, expected: [] }
  const { coding } = decision
  const expected = contentClasses
    .filter(each => settings.levelMap[each] > 0)
    .map(contentClass => expectedFor(rules, { coding, contentClass, client }))
  return { coding, reason: 'encoded', expected }
}

function expectedFor(
  rules: RouteRules,
  { coding, contentClass, client }: { coding: Coding; contentClass: ContentClass; client: string },
): ExpectedEncoding {
  const costs = new Costs()
  const known = { length: FORECAST_BYTES, bytesPerMs: usualBytesPerMs(client) }
  const { level } = pickLevel({ costs, load: idle }, { rules, coding, contentClass }, known)
  const { msPerKiB, ratio } = costs.of(coding, level, contentClass)
  const bytes = Math.round(FORECAST_BYTES * ratio)
  return { contentClass, level, bytes, ms: Math.round(((msPerKiB * FORECAST_BYTES) / 1024) * 10) / 10 }
}
