/** Whether what reached the origin can be right for these frames. Pure. */
import type { Message } from '../conformance/faults/strict-reader.ts'
import type { H2Request, H2Sent } from './h2-grammar.ts'
import { readFields, trimBlanks } from './wire-lines.ts'

/** Fields that the gateway writes itself, or writes anew. */
const own =
  /^(via|host|content-length|transfer-encoding|x-forwarded-(for|host|proto|port)|forwarded|x-real-ip|x-request-id|connection|te|trailer|traceparent)$/

/** Everything that is wrong; empty = all invariants hold. Streams run side by side, so the order does not count. */
export function judgeH2({ requests }: H2Sent, messages: readonly Message[], faults: readonly string[]): string[] {
  const left = [...requests]
  const wrong = [...faults]
  for (const message of messages) {
    const at = left.findIndex(asked => isAskedBy(message, asked))
    if (at < 0)
      wrong.push(
        `reached the origin${message.isComplete ? ', whole,' : ''} and was not asked: ${JSON.stringify(message.head)} + ${JSON.stringify(message.body.toString('latin1'))}`,
      )
    else left.splice(at, 1)
  }
  return wrong
}

function isAskedBy(message: Message, { fields, body }: H2Request): boolean {
  const one = (name: string) => fields.find(([n]) => n === name)?.[1]
  if (message.method !== one(':method') || message.target !== one(':path')) return false
  return isBodyOf(message, fields, body) && areFieldsOf(message, fields)
}

/**
 * RFC 9113 §8.1.1: a body of another length than announced is malformed, and a shorter one must not look whole. Of a longer
 * one the announced part may be on its way before the rest contradicts. Content of HEAD means nothing and is left out.
 */
function isBodyOf(message: Message, fields: H2Request['fields'], body: string): boolean {
  const came = message.body.toString('latin1')
  if (!message.isComplete) return body.startsWith(came)
  if (message.method === 'HEAD') return came === ''
  const lengths = fields.filter(([name]) => name === 'content-length').map(([, value]) => Number(value))
  if (lengths.length === 0) return came === body
  return lengths.every(length => length === came.length) && body.startsWith(came)
}

function areFieldsOf(message: Message, fields: H2Request['fields']): boolean {
  const crumbs = fields.filter(([name]) => name === 'cookie').map(([, value]) => trimBlanks(value))
  // nghttp2 leaves out a field whose value is forbidden; what is left of the crumbs is joined (RFC 9113 §8.2.3).
  const isOfCrumbs = (value: string) =>
    value.split(/; ?/).every(crumb => crumbs.some(asked => asked.split(/; ?/).includes(crumb)))
  return (readFields(message.head.split('\r\n').slice(1)) ?? []).every(
    ([name, value]) =>
      own.test(name) ||
      fields.some(([n, v]) => n === name && trimBlanks(v) === value) ||
      (name === 'cookie' && isOfCrumbs(value)),
  )
}
