/** A connection to Redis with its guard, for whoever keeps something else there than answers. */
import { StoreOpenError } from '../errors.ts'
import { readRedisAddress } from './address.ts'
import { connectRedis } from './connect.ts'
import { RedisGuard } from './guard.ts'
import { DEFAULT_COMMAND_TIMEOUT_MS } from './store.ts'

/**
 * Connects in the background; a server that is away is no error, its questions fail at once.
 * @param text `redis://host:6379/6`, or an address of Sentinels or of a Cluster
 * @param name by which the server's list of clients shows the connection
 * @throws StoreOpenError for what is no such address
 */
export function openRedisGuard(text: string, name: string): RedisGuard {
  const address = readRedisAddress(text)
  if (address === null) throw new StoreOpenError('expected an address of Redis')
  return new RedisGuard(connectRedis(address, name), {
    timeoutMs: DEFAULT_COMMAND_TIMEOUT_MS,
    beforeClosing: async () => true,
    isSettled: () => true,
  })
}
