/**
 * The head of a Fastify reply as a flat list and back, and what encoding does to it.
 */
import type { FastifyReply } from 'fastify'
import { tagForClient } from '../../cache/index.ts'
import { untrueOnceEncoded } from '../rules/head.ts'
import type { Coding } from '../rules/types.ts'

export function headersAsFields(reply: FastifyReply): string[] {
  const headers = reply.getHeaders()
  const fields: string[] = []
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined) continue
    for (const line of Array.isArray(value) ? value : [value]) fields.push(name, String(line))
  }
  return fields
}

/** Only what the rules may have changed: the tag, Vary, and what they take off, the coding where it is decoded. */
export function setFields(reply: FastifyReply, fields: readonly string[]): void {
  const vary: string[] = []
  const left = new Set<string>()
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase()
    left.add(name)
    if (name === 'etag') reply.header('etag', fields[i + 1] as string)
    else if (name === 'vary') vary.push(fields[i + 1] as string)
  }
  if (vary.length > 0) reply.header('vary', vary.join(', '))
  for (const name of [...untrueOnceEncoded, 'content-encoding']) if (!left.has(name)) reply.removeHeader(name)
}

/** `isHandedOver`: @fastify/compress is behind, and sets coding and length itself. */
export function markEncodedReply(reply: FastifyReply, coding: Coding, isHandedOver: boolean): void {
  for (const name of untrueOnceEncoded) reply.removeHeader(name)
  const tag = reply.getHeader('etag')
  if (typeof tag === 'string') reply.header('etag', tagForClient(tag, coding))
  if (isHandedOver) reply.removeHeader('content-encoding')
  else reply.header('content-encoding', coding)
}
