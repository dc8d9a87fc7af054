/** The words of the cache cases, as `cases.json` describes them under `about.fields`, and how a case ends. */

export type Field = readonly [name: string, value: string]
/** A whole number stands for a date, in seconds from a clock that the reader of the definition names. */
export type DefinedField = readonly [name: string, value: string | number]
/** `false` as third part: the value need not arrive unchanged at the client. */
export type SentField = readonly [name: string, value: string | number, check?: boolean]
export type ExpectedField =
  | string
  | DefinedField
  | readonly [name: string, comparison: '=' | '>', other: string | number]
export type Interim = readonly [status: number, fields?: readonly Field[]]

export interface Exchange {
  readonly request_method?: string
  readonly request_headers?: readonly DefinedField[]
  readonly request_body?: string
  readonly query_arg?: string
  readonly filename?: string
  readonly pause_after?: boolean
  readonly disconnect?: boolean
  readonly magic_locations?: boolean
  readonly magic_ims?: boolean
  readonly response_status?: readonly [code: number, reason: string]
  readonly response_headers?: readonly SentField[]
  readonly response_body?: string | null
  readonly interim_responses?: readonly Interim[]
  readonly check_body?: boolean
  readonly expected_type?: 'cached' | 'not_cached' | 'etag_validated' | 'lm_validated'
  readonly expected_method?: string
  readonly expected_status?: number | null
  readonly expected_request_headers?: readonly (string | Field)[]
  readonly expected_response_headers?: readonly ExpectedField[]
  readonly expected_response_headers_missing?: readonly (string | Field)[]
  readonly expected_response_text?: string | null
  readonly expected_interim_responses?: readonly Interim[]
  readonly setup?: boolean
  readonly setup_tests?: readonly string[]
}

export interface CacheCase {
  readonly id: string
  readonly name: string
  readonly kind: 'required' | 'optimal' | 'check'
  readonly depends_on?: readonly string[]
  readonly requests: readonly Exchange[]
}

export interface Suite {
  readonly id: string
  readonly name: string
  readonly tests: readonly CacheCase[]
}

/** What the origin saw of one request, and which of its answer's fields the client must have received unchanged. */
export interface Seen {
  readonly request_num: number
  readonly request_method: string
  readonly request_headers: Readonly<Record<string, string | string[] | undefined>>
  readonly response_headers: readonly Field[]
}

/** How the exchanges of a case ended, before dependencies are looked at. */
export type Ending =
  | { readonly type: 'held' }
  /** `Setup` says that the question could not be asked; every other type is an answer "no". */
  | { readonly type: 'Setup' | 'Assertion' | 'AbortError' | 'ClientError'; readonly message: string }

/** Thrown by a failed check. */
export class FailedCheck extends Error {
  override name = 'FailedCheck'
  readonly type: 'Setup' | 'Assertion'

  constructor(isSetup: boolean, message: string) {
    super(message)
    this.type = isSetup ? 'Setup' : 'Assertion'
  }
}

/** Throws `FailedCheck` unless `holds`. */
export function check(isSetup: boolean, holds: boolean, message: string): void {
  if (!holds) throw new FailedCheck(isSetup, message)
}

/** Whether a check of this exchange belongs to the setup of the case. */
export function isSetupCheck(exchange: Exchange, name: keyof Exchange): boolean {
  return exchange.setup === true || (exchange.setup_tests?.includes(name) ?? false)
}
