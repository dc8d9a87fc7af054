/**
 * Why another proxy forwards less than ours of the same bytes: the known reasons, each of which is a choice of that proxy and
 * no fault of ours. What has none of them is to be looked at.
 */
import { type Asked, readRequests } from './read-requests.ts'
import type { RivalName } from './rivals.ts'
import { type Field, valuesOf } from './wire-lines.ts'

/** What of a rival's part in one case decides. */
export interface RivalPart {
  readonly name: RivalName
  /** Number of requests that it forwarded. */
  readonly forwarded: number
}

interface Class {
  readonly name: string
  readonly rivals: readonly RivalName[]
  holds(request: Asked): boolean
}

const isLong = ([, value]: Field) => value.length > 8_000

/** The classes of docs/conformance.md. */
export const laxities: readonly Class[] = [
  {
    name: 'a target of more than 8 KB',
    rivals: ['nginx'],
    holds: ({ target }) => target.length > 8_000,
  },
  {
    name: 'a head of more than 16 KB',
    rivals: ['haproxy', 'nginx'],
    holds: ({ fields }) => fields.some(isLong),
  },
  { name: 'more than 100 lines', rivals: ['haproxy'], holds: ({ fields }) => fields.length > 100 },
  { name: 'trailers of more than 16 KB', rivals: ['haproxy'], holds: ({ trailers }) => trailers.some(isLong) },
  {
    name: 'a bare CR in front of a request line',
    rivals: ['haproxy'],
    holds: ({ before }) => before.replaceAll('\r\n', '').includes('\r'),
  },
  {
    name: 'a name of more than 1 KB',
    rivals: ['haproxy'],
    holds: ({ fields }) => fields.some(([name]) => name.length > 1_000),
  },
  {
    name: 'a handshake of WebSocket without a key',
    rivals: ['haproxy'],
    holds: ({ fields }) =>
      valuesOf(fields, 'upgrade').some(value => value.toLowerCase() === 'websocket') &&
      valuesOf(fields, 'sec-websocket-key').length === 0,
  },
  { name: 'OPTIONS *', rivals: ['nginx'], holds: ({ method, target }) => method === 'OPTIONS' && target === '*' },
  { name: 'a tab in front of the value of Host', rivals: ['nginx'], holds: ({ head }) => /\nhost: *\t/i.test(head) },
  {
    name: 'what stands behind a TRACE',
    rivals: ['nginx'],
    holds: ({ method }) => method === 'TRACE',
  },
  { name: 'an encoded NUL in a target', rivals: ['nginx'], holds: ({ target }) => target.includes('%00') },
  {
    name: 'a percent sign without two digits behind it',
    rivals: ['nginx'],
    holds: ({ target }) => /%(?![0-9a-f]{2})/i.test(target),
  },
  {
    name: 'dot segments above the root',
    rivals: ['nginx'],
    holds: ({ target }) => /\/(\.|%2e){2}(\/|$)/i.test(target),
  },
  {
    name: 'an absolute target of another authority than Host',
    rivals: ['haproxy'],
    holds: request => {
      const authority = /^https?:\/\/([^/?]*)/i.exec(request.target)?.[1]
      return authority !== undefined && authority !== valuesOf(request.fields, 'host')[0]
    },
  },
  {
    name: 'content of a GET, HEAD or DELETE over HTTP/1.0',
    rivals: ['haproxy'],
    holds: request => request.version === '1.0' && request.body !== '' && /^(GET|HEAD|DELETE)$/.test(request.method),
  },
]

/** The class of what `rival` left out first, or null where that is not known. */
export function explainLaxity(bytes: string, { name, forwarded }: RivalPart): string | null {
  const request = readRequests(bytes).requests[forwarded]
  if (request === undefined) return null
  return laxities.find(({ rivals, holds }) => rivals.includes(name) && holds(request))?.name ?? null
}
