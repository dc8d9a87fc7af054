/** Squid as an accelerator with its cache in memory; it takes no part in plain proxying. */
import { join } from 'node:path'
import { findProgram } from '../command.ts'
import { MEMORY_MIB, OBJECT_MIB } from './bounds.ts'
import { findInstalled } from './installed.ts'
import type { CacheSetting, Contender, Launch } from './types.ts'

function launch({ directory, port, originPort }: CacheSetting): Launch {
  const config = `http_port 127.0.0.1:${port} accel defaultsite=127.0.0.1:${port} no-vhost
cache_peer 127.0.0.1 parent ${originPort} 0 no-query originserver no-digest no-netdb-exchange name=origin
http_access allow all
cache_mem ${MEMORY_MIB} MB
memory_cache_shared off
maximum_object_size ${OBJECT_MIB} MB
maximum_object_size_in_memory ${OBJECT_MIB} MB
access_log none
cache_log stdio:/dev/stderr
cache_store_log none
netdb_filename none
pinger_enable off
pid_filename ${join(directory, 'squid.pid')}
shutdown_lifetime 0 seconds
`
  const args = ['-N', '-f', join(directory, 'squid.conf')]
  return {
    command: { file: findProgram('squid') ?? 'squid', args },
    files: new Map([['squid.conf', config]]),
  }
}

export const squid: Contender = {
  name: 'squid',
  find: () => findInstalled('squid', ['-v']),
  proxy: null,
  cache: {
    about: `accelerator, ${MEMORY_MIB} MiB in memory, no disk set up, one process`,
    places: ['memory'],
    launch,
  },
}
