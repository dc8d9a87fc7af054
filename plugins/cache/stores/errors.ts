/**
 * What can be wrong with a store when it is opened; later it only misses.
 */
import createError from '@fastify/error'

/** The address of the store cannot be read, or its folder cannot be used. */
export const StoreOpenError = createError('HG_CACHE_STORE', 'the store of the cache cannot be opened: %s', 500)
