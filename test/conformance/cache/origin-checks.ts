/** The checks of what the origin saw, after the last exchange: which requests came, and how their answers arrived. */
import type { Received } from './client.ts'
import { fieldValue } from './http-fields.ts'
import { check, type Exchange, isSetupCheck, type Seen } from './types.ts'

const conditionOf: Readonly<Record<string, string>> = {
  etag_validated: 'if-none-match',
  lm_validated: 'if-modified-since',
}

/** Walks both lists together; an exchange that has to come from the cache takes no entry. Throws `FailedCheck`. */
export function checkOrigin(
  exchanges: readonly Exchange[],
  answers: readonly Received[],
  state: readonly Seen[],
): void {
  // An origin that saw nothing has nothing to be asked about.
  if (state.length === 0) return
  const entries = state.values()
  for (const [at, exchange] of exchanges.entries()) {
    if (exchange.expected_type === 'cached') continue
    const seen = entries.next().value
    checkRequest(exchange, at + 1, seen)
    if (seen !== undefined) checkReceived(at + 1, seen, answers[at] as Received)
  }
}

function checkRequest(exchange: Exchange, number: number, seen: Seen | undefined): void {
  const type = exchange.expected_type
  const isSetup = isSetupCheck(exchange, 'expected_type')
  if (type === 'not_cached') {
    check(isSetup, seen?.request_num === number, `the origin saw ${seen?.request_num} in place of request ${number}`)
  }
  const condition = conditionOf[type ?? '']
  if (condition !== undefined) {
    const has = seen?.request_headers[condition] !== undefined
    check(isSetup, has, `request ${number} came to the origin without ${condition}`)
  }
  for (const field of exchange.expected_request_headers ?? []) {
    const [name, value] = typeof field === 'string' ? [field] : field
    const came = seen?.request_headers[name.toLowerCase()]
    const isFine = value === undefined ? came !== undefined : came === value
    const message = `request ${number} came to the origin with ${name} ${JSON.stringify(came)}`
    check(isSetupCheck(exchange, 'expected_request_headers'), isFine, message)
  }
  if (exchange.expected_method === undefined) return
  const isSame = seen?.request_method === exchange.expected_method
  const message = `request ${number} came to the origin as ${seen?.request_method}, not ${exchange.expected_method}`
  check(isSetupCheck(exchange, 'expected_method'), isSame, message)
}

function checkReceived(number: number, seen: Seen, received: Received): void {
  for (const [name, value] of seen.response_headers) {
    const came = fieldValue(received.fields, name)
    check(true, came === value, `answer ${number} came with ${name} "${came}", sent was "${value}"`)
  }
}
