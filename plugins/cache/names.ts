/** Name under which the cache signs Cache-Status (RFC 9211 §2). */
export const CACHE_NAME = 'hearthgate'
