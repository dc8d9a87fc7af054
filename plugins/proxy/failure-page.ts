/**
 * The answers that the gateway makes itself when something is wrong: JSON for programs, a small page for people
 * (RFC 9110 §12.5.1 decides which). Nothing of the inside is named: no address, no file, no stack.
 */

/** What a failure tells the client. */
export interface PublicFailure {
  readonly status: number
  /** Stable code, `HG_UPSTREAM_TIMEOUT`. */
  readonly code: string
  /** One sentence for people. */
  readonly message: string
  readonly requestId: string
  /** Error type of RFC 9209 §2.3; null = the one of the status. */
  readonly proxyStatus: string | null
  /** Seconds, for Retry-After; null = none. */
  readonly retryAfter: number | null
  /** Further fields of the answer, by lower-case name: what the failure has to say by them. */
  readonly fields?: Readonly<Record<string, string>>
}

export interface FailureAnswer {
  readonly headers: Record<string, string>
  readonly body: string
}

const titles: Readonly<Record<number, string>> = {
  400: 'The request cannot be understood',
  403: 'This is not allowed',
  404: 'Nothing is served here',
  405: 'This method is not allowed',
  408: 'The request took too long to arrive',
  413: 'The request is too large',
  414: 'The address is too long',
  415: 'The body of the request cannot be read',
  417: 'This expectation cannot be met',
  429: 'Too many requests',
  431: 'The request head is too large',
  500: 'Something went wrong here',
  501: 'This is not supported here',
  502: 'The app behind this address did not answer properly',
  503: 'The app behind this address is not available',
  504: 'The app behind this address did not answer in time',
}

/** The head and body of a failure; `accept` is the client's Accept field, `pages` what a route wants of such answers. */
export function failureAnswer(
  failure: PublicFailure,
  accept: string | undefined,
  pages: Readonly<Record<string, string>> = {},
): FailureAnswer {
  const isPage = prefersPage(accept)
  const body = isPage ? page(failure) : json(failure)
  const headers: Record<string, string> = {
    'content-type': isPage ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    'x-request-id': failure.requestId,
  }
  if (isPage) headers['content-security-policy'] = "default-src 'none'; style-src 'unsafe-inline'"
  headers['proxy-status'] = `hearthgate; error=${failure.proxyStatus ?? errorTypeOf(failure.status)}`
  if (failure.retryAfter !== null) headers['retry-after'] = String(failure.retryAfter)
  return { headers: withPageFields({ ...headers, ...failure.fields }, pages), body }
}

/** The type of RFC 9209 §2.3 for a request that was answered here without asking an origin. */
export function errorTypeOf(status: number): string {
  if (status === 401 || status === 403 || status === 429) return 'http_request_denied'
  if (status === 404) return 'destination_not_found'
  return status < 500 ? 'http_request_error' : 'proxy_internal_response'
}

const POLICY = 'content-security-policy'

/** What a head says itself stays; of two policies that bind together (CSP3 §8.1) one is made. */
export function withPageFields<V>(
  headers: Readonly<Record<string, V>>,
  pages: Readonly<Record<string, string>>,
): Record<string, V | string> {
  const own = headers[POLICY]
  const policy = pages[POLICY]
  const both = own === undefined || policy === undefined ? {} : { [POLICY]: `${own}; ${policy}` }
  return { ...pages, ...headers, ...both }
}

/** A browser's navigation names text/html; everything else gets JSON. */
function prefersPage(accept: string | undefined): boolean {
  if (accept === undefined) return false
  const html = accept.indexOf('text/html')
  const jsonAt = accept.indexOf('application/json')
  return html >= 0 && (jsonAt < 0 || html < jsonAt)
}

function json(failure: PublicFailure): string {
  const { status, code, message, requestId } = failure
  return `${JSON.stringify({ statusCode: status, error: titleOf(status), code, message, requestId })}\n`
}

function titleOf(status: number): string {
  return titles[status] ?? 'Something went wrong here'
}

function page({ status, message, requestId }: PublicFailure): string {
  const title = titleOf(status)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${status} ${title}</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 12vh auto; max-width: 34rem; padding: 0 1.25rem }
h1 { font-size: 1.35rem; margin: 0 0 .5rem }
p { margin: .25rem 0 }
small { opacity: .7 }
</style>
<h1>${title}</h1>
<p>${escapeHtml(message)}</p>
<p><small>${status} · request ${escapeHtml(requestId)}</small></p>
</html>
`
}

/** Text as HTML, in an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
