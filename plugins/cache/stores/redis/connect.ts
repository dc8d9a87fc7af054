/**
 * Connections to Redis that fail at once instead of queueing: nothing waits for a server that is away, nothing is sent
 * twice, and a connection that hangs is given up and made anew in the background.
 */
import { createRequire } from 'node:module'
import type { Cluster, Redis } from 'ioredis'
import type { RedisAddress } from './address.ts'

export type RedisClient = Redis | Cluster

const CONNECT_TIMEOUT_MS = 2_000
/** A connection that owes an answer for this long is closed; ioredis counts from the sending. */
const HUNG_AFTER_MS = 1_000
const FIRST_RECONNECT_MS = 50
const LONGEST_RECONNECT_MS = 1_000
/** Chunks of bodies go by themselves: they must not hold up a pipeline of small commands. */
const BODY_COMMANDS = ['set', 'get', 'getBuffer', 'getrange', 'getrangeBuffer']

/** Connects in the background; errors come as `error` events, which the caller listens to. */
export function connectRedis(address: RedisAddress, name: string): RedisClient {
  // Loaded here: a gateway without Redis starts without its client.
  const { Cluster, Redis } = createRequire(import.meta.url)('ioredis') as typeof import('ioredis')
  const { host, port } = address.nodes[0] ?? { host: '127.0.0.1', port: 6379 }
  if (address.mode === 'single') return new Redis({ ...clientOptions(address, name), host, port })
  if (address.mode === 'sentinel') return new Redis({ ...clientOptions(address, name), ...sentinelOptions(address) })
  return new Cluster([...address.nodes], {
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    autoPipeliningIgnoredCommands: BODY_COMMANDS,
    clusterRetryStrategy: reconnectDelay,
    clusterNodeRetryStrategy: reconnectDelay,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    retryDelayOnFailover: FIRST_RECONNECT_MS,
    retryDelayOnClusterDown: FIRST_RECONNECT_MS,
    maxRedirections: 4,
    ...(address.tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
    redisOptions: nodeOptions(address, name),
  })
}

function clientOptions(address: RedisAddress, name: string) {
  return {
    ...nodeOptions(address, name),
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    autoPipeliningIgnoredCommands: BODY_COMMANDS,
    retryStrategy: reconnectDelay,
    // A master that a failover has made a replica: the new connection goes to the new master.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  }
}

function sentinelOptions(address: RedisAddress) {
  return {
    sentinels: [...address.nodes],
    name: address.master,
    sentinelRetryStrategy: reconnectDelay,
    sentinelCommandTimeout: HUNG_AFTER_MS,
    enableTLSForSentinelMode: address.tls,
    failoverDetector: true,
    ...(address.tls ? { sentinelTLS: {} } : {}),
  }
}

function nodeOptions(address: RedisAddress, name: string) {
  return {
    db: address.database,
    connectionName: name,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: HUNG_AFTER_MS,
    // With 1 a command in flight on a connection that closes is never settled (autoResendUnfulfilledCommands: false).
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    maxLoadingRetryTime: LONGEST_RECONNECT_MS,
    ...(address.username === null ? {} : { username: address.username }),
    ...(address.password === null ? {} : { password: address.password }),
    ...(address.tls ? { tls: {} } : {}),
  }
}

function reconnectDelay(times: number): number {
  return Math.min(FIRST_RECONNECT_MS * 2 ** Math.min(times, 10), LONGEST_RECONNECT_MS)
}
