/** The checks of one answer on its arrival at the client. */
import type { Received } from './client.ts'
import { fieldValue, writtenValue } from './http-fields.ts'
import { check, type Exchange, type ExpectedField, type Field, type Interim, isSetupCheck } from './types.ts'

export interface Arrival {
  /** UUID of the run. */
  readonly id: string
  readonly exchange: Exchange
  /** 1-based number of the exchange in its case. */
  readonly number: number
  readonly received: Received
  /**
   * Whether a value that must not be there fails the case. The reference never really enforces these pairs, so results
   * without it compare with published ones, and those with it are at most worse.
   */
  readonly enforcesPairs: boolean
}

/** Runs every check in the order of the reference; the first that fails throws `FailedCheck`. */
export function checkAnswer(arrival: Arrival): void {
  const { exchange } = arrival
  checkRetry(arrival)
  checkType(arrival)
  checkStatus(arrival)
  for (const field of exchange.expected_response_headers ?? []) checkPresent(arrival, field)
  for (const field of exchange.expected_response_headers_missing ?? []) checkMissing(arrival, field)
  checkInterim(arrival)
  checkBody(arrival)
}

function checkRetry({ received }: Arrival): void {
  const numbers = (fieldValue(received.fields, 'request-numbers') ?? '').split(' ')
  check(true, numbers.length === new Set(numbers).size, 'retry')
}

function checkType({ exchange, number, received }: Arrival): void {
  const text = fieldValue(received.fields, 'server-request-count')
  const count = text === null ? Number.NaN : Number.parseInt(text, 10)
  const isSetup = isSetupCheck(exchange, 'expected_type')
  const seen = `status ${received.status}, Server-Request-Count ${text}`
  if (exchange.expected_type === 'cached') {
    const isBare304 = received.status === 304 && Number.isNaN(count)
    check(isSetup, isBare304 || count < number, `answer ${number} does not come from the cache (${seen})`)
  } else if (exchange.expected_type === 'not_cached') {
    check(isSetup, count === number, `answer ${number} comes from the cache (${seen})`)
  }
}

function checkStatus({ exchange, number, received }: Arrival): void {
  const { status } = received
  if (exchange.expected_status === null) return
  if (exchange.expected_status !== undefined) {
    const isSetup = isSetupCheck(exchange, 'expected_status')
    check(
      isSetup,
      status === exchange.expected_status,
      `answer ${number} is ${status}, not ${exchange.expected_status}`,
    )
  } else if (exchange.response_status !== undefined) {
    const [wanted] = exchange.response_status
    check(true, status === wanted, `answer ${number} is ${status}, not ${wanted}`)
  } else if (status === 999) {
    const isSetup = isSetupCheck(exchange, 'expected_type')
    check(isSetup, false, `request ${number} should have been conditional, but it was not`)
  } else check(true, status === 200, `answer ${number} is ${status}, not 200`)
}

function checkPresent({ exchange, number, received }: Arrival, field: ExpectedField): void {
  const isSetup = isSetupCheck(exchange, 'expected_response_headers')
  const [name, wanted, other] = typeof field === 'string' ? [field] : field
  const value = fieldValue(received.fields, name)
  check(isSetup, value !== null, `answer ${number} has no ${name}`)
  if (wanted === undefined) return
  const label = `answer ${number} has ${name} "${value}", not`
  if (other === undefined) {
    const exact = writtenValue(name, wanted, Number(fieldValue(received.fields, 'server-now')))
    check(isSetup, value === exact, `${label} "${exact}"`)
  } else if (wanted === '=') {
    const twin = fieldValue(received.fields, String(other))
    check(isSetup, value === twin, `${label} "${twin}" as ${other}`)
  } else check(isSetup, Number.parseInt(value ?? '', 10) > Number(other), `${label} more than ${other}`)
}

function checkMissing({ exchange, number, received, enforcesPairs }: Arrival, field: string | Field): void {
  if (typeof field !== 'string' && !enforcesPairs) return
  const isSetup = isSetupCheck(exchange, 'expected_response_headers_missing')
  const [name, unwanted] = typeof field === 'string' ? [field, ''] : field
  const value = fieldValue(received.fields, name)
  const isMissing = value === null || (unwanted !== '' && !value.includes(unwanted))
  check(isSetup, isMissing, `answer ${number} has ${name} "${value}"`)
}

function checkInterim({ exchange, number, received }: Arrival): void {
  const wanted = exchange.expected_interim_responses
  if (wanted === undefined) return
  const isSame =
    wanted.length === received.interim.length &&
    wanted.every((one, at) => isInterim(one, received.interim[at] as Received['interim'][number]))
  check(exchange.setup === true, isSame, `answer ${number} came after interim ${JSON.stringify(received.interim)}`)
}

function isInterim([status, fields = []]: Interim, received: Received['interim'][number]): boolean {
  return received.status === status && fields.every(([name, value]) => fieldValue(received.fields, name) === value)
}

function checkBody({ id, exchange, number, received }: Arrival): void {
  if (exchange.check_body === false || exchange.expected_response_text === null) return
  const { status, body } = received
  const seen = `answer ${number} has the body ${JSON.stringify(body.slice(0, 80))}, not`
  if (exchange.expected_response_text !== undefined) {
    const isSetup = isSetupCheck(exchange, 'expected_response_text')
    check(isSetup, body === exchange.expected_response_text, `${seen} "${exchange.expected_response_text}"`)
  } else if (typeof exchange.response_body === 'string') {
    check(true, body === exchange.response_body, `${seen} "${exchange.response_body}"`)
  } else if (status !== 204 && status !== 304 && exchange.request_method !== 'HEAD') {
    check(true, body === id, `${seen} the id of the run`)
  }
}
