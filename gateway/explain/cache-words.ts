/**
 * What the words of the cache's rules mean, each with where it stands, for the person at the terminal. The types make a
 * missing word of the store a compile error.
 */
import type { StoreRefusal } from '../../plugins/cache/rules/storable.ts'

/** A sentence about the request or the answer, and the section or setting that says so. */
export interface Ruled {
  readonly text: string
  readonly source: string
}

const OWN = 'a rule of this gateway'
const ruled = (text: string, source: string): Ruled => ({ text, source })

/** Why a request is or is not looked up in the store. */
const lookupWords: Readonly<Record<string, Ruled>> = {
  absent: ruled('a GET or HEAD without a body', 'RFC 9111 §4'),
  unsafe: ruled('the method may change something', 'RFC 9111 §4.4'),
  override: ruled('a field of the request asks for another method or address', OWN),
  method: ruled('only GET and HEAD are answered from the store', 'RFC 9111 §4'),
  'request-body': ruled('a body in a GET or HEAD means nothing by itself', 'RFC 9110 §9.3.1'),
  'if-match': ruled('If-Match is for the origin to judge', 'RFC 9111 §4.3.2'),
  'if-unmodified-since': ruled('If-Unmodified-Since is for the origin to judge', 'RFC 9111 §4.3.2'),
  never: ruled('the route keeps nothing of this path', 'cache.never'),
  upgrade: ruled('a WebSocket has no answer to keep', 'RFC 9110 §7.8'),
}

/** In words; a reason that is not known here stands for itself. */
export function explainLookup(reason: string): Ruled {
  return Object.hasOwn(lookupWords, reason) ? lookupWords[reason]! : ruled(reason, OWN)
}

/** Why an answer is not stored: of the request, or as the end of "unless the answer …". */
export const storeWords: Readonly<Record<StoreRefusal, Ruled>> = {
  method: ruled('only what answers a GET is stored', 'RFC 9111 §3'),
  'request-body': ruled('the request has a body', 'RFC 9110 §9.3.1'),
  'request-no-store': ruled('the request says no-store', 'RFC 9111 §5.2.1.5'),
  'request-override': ruled('a field of the request asks for another method or address', OWN),
  status: ruled('has a status about this one request (304, 401, 412, 416, 429, …)', 'RFC 9111 §3'),
  'status-not-understood': ruled('says must-understand with a status that is not known here', 'RFC 9111 §5.2.2.3'),
  'no-store': ruled('says no-store', 'RFC 9111 §5.2.2.5'),
  private: ruled('says private', 'RFC 9111 §5.2.2.7'),
  'cache-control-malformed': ruled('has a Cache-Control that cannot be read', 'RFC 9111 §4.2.1'),
  authorization: ruled('to these credentials says none of public, must-revalidate and s-maxage', 'RFC 9111 §3.5'),
  'set-cookie': ruled('sets a cookie', 'RFC 9111 §7.3'),
  'event-stream': ruled('is a stream of events or pictures without an end', OWN),
  'html-behind-asset': ruled('is HTML under the address of a script, a style sheet, a picture or a download', OWN),
  'too-large': ruled('is larger than the route allows', 'cache.max_object_size'),
  'length-malformed': ruled('has a Content-Length that is no number', 'RFC 9110 §8.6'),
  'error-without-lifetime': ruled('has another status than 200 or 203 and no lifetime', 'RFC 9111 §3'),
  'cookie-unmarked': ruled('to this cookie has neither a lifetime nor public', OWN),
  'nothing-to-reuse': ruled('has neither a lifetime nor a validator (ETag, Last-Modified)', 'RFC 9111 §4.2, §4.3'),
  'vary-star': ruled('says Vary: *', 'RFC 9111 §4.1'),
  'vary-cookie': ruled('says Vary: Cookie', 'cache.vary_cookie'),
  'vary-authorization': ruled('says Vary: Authorization', OWN),
  'vary-client': ruled('varies by a field that names the client (Vary: X-Forwarded-For, Remote-User, …)', OWN),
  'vary-condition': ruled('varies by a condition or a range (Vary: If-None-Match, Range, …)', OWN),
  'vary-malformed': ruled('has a Vary that cannot be read', 'RFC 9110 §12.5.5'),
  'vary-too-long': ruled('varies by more fields than anybody would meet again', OWN),
  partial: ruled('is a part (206)', 'cache.store_partial'),
  'partial-unasked': ruled('is a part (206) that nobody asked for', 'RFC 9110 §15.3.7'),
  'partial-multipart': ruled('is several parts at once (multipart/byteranges)', 'RFC 9111 §3.3'),
  'partial-malformed': ruled('is a part (206) that does not say which', 'RFC 9110 §14.4'),
}

/** What of a request changes how a stored answer is used. */
export const noteWords = {
  'no-cache': ruled('no-cache or Pragma: what is stored is used only after the origin was asked', 'RFC 9111 §5.2.1.4'),
  'max-age': ruled('max-age: what is older is used only after the origin was asked', 'RFC 9111 §5.2.1.1'),
  'min-fresh': ruled(
    'min-fresh: what is fresh for less time is used only after the origin was asked',
    'RFC 9111 §5.2.1.3',
  ),
  'max-stale': ruled('max-stale: a stale answer will do for that long', 'RFC 9111 §5.2.1.2'),
  'only-if-cached': ruled('only-if-cached: 504 where nothing stored can be used', 'RFC 9111 §5.2.1.7'),
  ignored: ruled(
    'Cache-Control of requests is not followed here, but for no-store and only-if-cached',
    'cache.honour_request',
  ),
  authorization: ruled(
    'credentials: only answers marked public, must-revalidate or s-maxage are used',
    'RFC 9111 §3.5',
  ),
  conditional: ruled('the condition is answered with 304 from the store where it holds there', 'RFC 9111 §4.3.2'),
  range: ruled('the range is cut from a stored answer, or is a stored part', 'RFC 9110 §14, RFC 9111 §3.3'),
  vary: ruled('the variant is chosen by the fields that stored answers name in Vary', 'RFC 9111 §4.1'),
  coded: ruled(
    'a stored answer goes out in the best coding that was made of it and that the client takes; ranges are cut from the stored bytes',
    'RFC 9110 §12.5.3, §14.2',
  ),
  unsafe: ruled('a successful answer makes what is stored of this address void', 'RFC 9111 §4.4'),
} as const satisfies Readonly<Record<string, Ruled>>

export type NoteReason = keyof typeof noteWords
