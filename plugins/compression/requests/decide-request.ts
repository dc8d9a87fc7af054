/**
 * What becomes of the body of a request on its way to an app: decoded where the route says that the app reads no coding,
 * encoded where the app has said that it reads one, or left as it came. Pure, with its reason.
 */
import { chooseCoding } from '../rules/accept-encoding.ts'
import type { TypeVerdict } from '../rules/content-type.ts'
import {
  allCodings,
  asDecodable,
  type Coding,
  type ContentClass,
  codingsOf,
  type Decodable,
  type LevelMap,
  type RequestRules,
} from '../rules/types.ts'
import type { RequestBodyFields } from './request-fields.ts'

export interface RequestQuestion {
  readonly fields: RequestBodyFields
  /** Announced length of the body in bytes; null = it is sent chunked. */
  readonly length: number | null
  /** Accept-Encoding of an earlier answer of the same resource; null = it has said nothing. */
  readonly advertised: string | null
}

export interface RequestRouteRules {
  readonly minSize: number
  readonly levelMap: LevelMap
  /** Codings of the route, the best first. */
  readonly codings: readonly Coding[]
  readonly judge: (contentType: string | null) => TypeVerdict
  readonly requests: RequestRules
}

export type LeaveReason =
  | 'off'
  | 'no-transform'
  | 'encoded'
  | 'stream'
  | 'small'
  | 'no-type'
  | 'type'
  | 'compressed-type'
  | 'event-stream'
  | 'level'
  | 'part'
  | 'digest'
  | 'signed'
  | 'not-advertised'
  | 'not-accepted'

export type RequestDecision =
  /** `codings` in the order in which they were applied. */
  | { readonly act: 'decode'; readonly codings: readonly Decodable[]; readonly reason: 'decoded' }
  | {
      readonly act: 'encode'
      readonly coding: Coding
      readonly contentClass: ContentClass
      readonly reason: 'encoded-for-origin'
    }
  | { readonly act: 'leave'; readonly reason: LeaveReason }
  /** RFC 9110 §15.5.16: with the codings that would do in Accept-Encoding. */
  | { readonly act: 'refuse'; readonly reason: 'unsupported-coding' }

export function decideRequest(question: RequestQuestion, rules: RequestRouteRules): RequestDecision {
  const { fields } = question
  const { requests } = rules
  if (!requests.decode && requests.encode === 'off') return leave('off')
  // RFC 9110 §7.7: not even for an app that cannot read it.
  if (fields.noTransform) return leave('no-transform')
  const codings = codingsOf(fields.contentEncoding)
  if (codings.length === 0) return decideEncode(question, rules)
  if (!requests.decode) return leave('encoded')
  // RFC 9421, AWS SigV4: the app could not verify it any more.
  if (fields.isSigned) return leave('signed')
  // The offset counts coded bytes, and a part of a coded body is nothing by itself.
  if (fields.isPart) return leave('part')
  const known = asDecodable(codings)
  if (known === null) return { act: 'refuse', reason: 'unsupported-coding' }
  return { act: 'decode', codings: known, reason: 'decoded' }
}

function decideEncode({ fields, length, advertised }: RequestQuestion, rules: RequestRouteRules): RequestDecision {
  const { minSize, levelMap, judge, requests } = rules
  if (requests.encode === 'off') return leave('off')
  // What has no length may drip for hours, and its origin waits for each piece of it.
  if (length === null) return leave('stream')
  if (length < minSize) return leave('small')
  const verdict = judge(fields.contentType)
  if (!verdict.compressible) return leave(verdict.reason)
  if (levelMap[verdict.contentClass] === 0) return leave('level')
  if (fields.isSigned) return leave('signed')
  if (fields.isPart) return leave('part')
  if (fields.isDigested) return leave('digest')
  const choice = chooseForOrigin(rules, advertised)
  if (typeof choice !== 'string') return leave(choice.reason)
  return { act: 'encode', coding: choice, contentClass: verdict.contentClass, reason: 'encoded-for-origin' }
}

/** What the app says of the resource counts more than what the route says of the app (RFC 9110 §12.5.3). */
function chooseForOrigin(
  { codings, requests }: RequestRouteRules,
  advertised: string | null,
): Coding | { readonly reason: 'not-advertised' | 'not-accepted' } {
  const named = requests.encode === 'off' || requests.encode === 'advertised' ? null : requests.encode
  if (advertised === null) return named?.[0] ?? { reason: 'not-advertised' }
  const chosen = chooseCoding(advertised, named ?? codings)
  return isCoding(chosen) ? chosen : { reason: 'not-accepted' }
}

function isCoding(name: string | null | undefined): name is Coding {
  return allCodings.includes(name as Coding)
}

function leave(reason: LeaveReason): RequestDecision {
  return { act: 'leave', reason }
}
