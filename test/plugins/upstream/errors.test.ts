import t from 'tap'
import { type FailureKind, isUpstreamFailure, upstreamFailure } from '../../../plugins/upstream/errors.ts'

/** Error types of RFC 9209 §2.3, registered. */
const registered = new Set([
  ...['dns_timeout', 'dns_error', 'destination_not_found', 'destination_unavailable', 'destination_ip_prohibited'],
  ...['destination_ip_unroutable', 'connection_refused', 'connection_terminated', 'connection_timeout'],
  ...['connection_read_timeout', 'connection_write_timeout', 'connection_limit_reached', 'tls_protocol_error'],
  ...['tls_certificate_error', 'tls_alert_received', 'http_request_error', 'http_request_denied'],
  ...['http_response_incomplete', 'http_response_header_section_size', 'http_response_header_size'],
  ...['http_response_body_size', 'http_response_trailer_section_size', 'http_response_trailer_size'],
  ...['http_response_transfer_coding', 'http_response_content_coding', 'http_response_timeout'],
  ...['http_upgrade_failed', 'http_protocol_error', 'proxy_internal_response', 'proxy_internal_error'],
  ...['proxy_configuration_error', 'proxy_loop_detected'],
])

t.test('every kind of failure has its code, its status and a registered error type', async t => {
  const cases: [FailureKind, string, number, string][] = [
    ['dns', 'HG_UPSTREAM_DNS', 502, 'dns_error'],
    ['refused', 'HG_UPSTREAM_REFUSED', 502, 'connection_refused'],
    ['unreachable', 'HG_UPSTREAM_UNREACHABLE', 502, 'destination_ip_unroutable'],
    ['connectTimeout', 'HG_UPSTREAM_CONNECT_TIMEOUT', 504, 'connection_timeout'],
    ['certificate', 'HG_UPSTREAM_CERTIFICATE', 502, 'tls_certificate_error'],
    ['tls', 'HG_UPSTREAM_TLS', 502, 'tls_protocol_error'],
    ['reset', 'HG_UPSTREAM_RESET', 502, 'connection_terminated'],
    ['incomplete', 'HG_UPSTREAM_INCOMPLETE', 502, 'http_response_incomplete'],
    ['invalid', 'HG_UPSTREAM_INVALID', 502, 'http_protocol_error'],
    ['headTooLarge', 'HG_UPSTREAM_HEAD_TOO_LARGE', 502, 'http_response_header_section_size'],
    ['headTimeout', 'HG_UPSTREAM_TIMEOUT', 504, 'http_response_timeout'],
    ['bodyTimeout', 'HG_UPSTREAM_STALLED', 504, 'connection_read_timeout'],
    ['full', 'HG_UPSTREAM_FULL', 503, 'connection_limit_reached'],
    ['queueTimeout', 'HG_UPSTREAM_QUEUE_TIMEOUT', 503, 'connection_limit_reached'],
    ['noOrigin', 'HG_NO_UPSTREAM', 503, 'destination_unavailable'],
    ['aborted', 'HG_UPSTREAM_ABORTED', 499, 'http_request_error'],
  ]
  for (const [kind, code, statusCode, proxyStatus] of cases) {
    t.match(upstreamFailure(kind, true), { kind, code, statusCode, proxyStatus, unsent: true }, kind)
    t.ok(registered.has(proxyStatus), `${proxyStatus} is registered`)
  }
})

t.test('the cause is kept, and is no part of the message', async t => {
  const cause = new Error('connect ECONNREFUSED 10.0.0.7:3000')
  const failure = upstreamFailure('refused', true, cause)
  t.equal(failure.cause, cause)
  t.notMatch(failure.message, '10.0.0.7')
  t.ok(isUpstreamFailure(failure))
  t.equal(upstreamFailure('reset', false).unsent, false)
})

t.test('other errors are told apart', async t => {
  for (const other of [new Error('x'), null, undefined, 'text', { kind: 'reset', proxyStatus: 'x' }]) {
    t.notOk(isUpstreamFailure(other))
  }
})
