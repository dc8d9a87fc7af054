/**
 * What a Redis address means: one server (`redis://`), Sentinels that know the master (`redis+sentinel://`), or some
 * nodes of a Cluster (`redis+cluster://`); `rediss` in any of them is TLS.
 */

export interface RedisNode {
  readonly host: string
  readonly port: number
}

export interface RedisAddress {
  readonly mode: 'single' | 'sentinel' | 'cluster'
  readonly tls: boolean
  readonly nodes: readonly RedisNode[]
  /** Name of the master that the Sentinels watch; empty elsewhere. */
  readonly master: string
  readonly username: string | null
  readonly password: string | null
  /** Always 0 in a Cluster. */
  readonly database: number
}

const REDIS_PORT = 6379
const SENTINEL_PORT = 26379
const FORM = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/([^?#]*))?$/

/**
 * Reads `redis://user:password@host:6379/6`, `redis+sentinel://host:26379,host2/mymaster/6` or
 * `rediss+cluster://host:6379,host2:6379`. Null = not an address.
 */
export function readRedisAddress(text: string): RedisAddress | null {
  const match = FORM.exec(text)
  if (match === null) return null
  const [, scheme, kind, credentials, hosts, path] = match
  const mode = kind === 'sentinel' || kind === 'cluster' ? kind : 'single'
  const nodes = (hosts ?? '').split(',').map(host => readNode(host, mode === 'sentinel' ? SENTINEL_PORT : REDIS_PORT))
  const segments = (path ?? '').split('/').filter(segment => segment !== '')
  const master = mode === 'sentinel' ? segments.shift() : ''
  const database = Number(segments.shift() ?? 0)
  if (nodes.includes(null) || master === undefined || segments.length > 0) return null
  if (!Number.isInteger(database) || database < 0 || (mode === 'single' && nodes.length > 1)) return null
  if (mode === 'cluster' && database !== 0) return null
  return { mode, tls: scheme === 'rediss', nodes: nodes as RedisNode[], master, database, ...readUser(credentials) }
}

function readUser(credentials: string | undefined): { username: string | null; password: string | null } {
  if (credentials === undefined || credentials === '') return { username: null, password: null }
  const colon = credentials.indexOf(':')
  const username = decode(colon === -1 ? credentials : credentials.slice(0, colon))
  const password = colon === -1 ? null : decode(credentials.slice(colon + 1))
  return { username: username === '' ? null : username, password }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** `host`, `host:port`, `[::1]` or `[::1]:port`. */
function readNode(text: string, defaultPort: number): RedisNode | null {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3] ?? defaultPort)
  return host === undefined || port < 1 || port > 65535 ? null : { host, port }
}
