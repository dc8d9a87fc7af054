/** What every cache may hold, so that none has more room than another. */

/** In memory: the gateway's own default. */
export const MEMORY_MIB = 64
/** On disk. */
export const DISK_MIB = 1024
/** The largest object; the largest that a workload has is 1 MiB. */
export const OBJECT_MIB = 2
