/** Varnish with its built-in VCL; it is a cache and nothing else, so it takes no part in plain proxying. */
import { join } from 'node:path'
import { findProgram } from '../command.ts'
import { DISK_MIB, MEMORY_MIB } from './bounds.ts'
import { findInstalled } from './installed.ts'
import type { CacheSetting, Contender, Launch, Setting } from './types.ts'

function launch({ directory, port, originPort, place }: CacheSetting): Launch {
  const storage = place === 'memory' ? `malloc,${MEMORY_MIB}m` : `file,${join(directory, 'storage')},${DISK_MIB}m`
  const places = ['-n', join(directory, 'work'), '-a', `127.0.0.1:${port}`, '-b', `127.0.0.1:${originPort}`]
  // No terminal to talk to, no change of user: the bench's folder belongs to whoever runs it.
  const args = ['-F', ...places, '-s', storage, '-T', 'none', '-j', 'none', '-p', 'thread_pools=1']
  return { command: { file: findProgram('varnishd') ?? 'varnishd', args }, files: new Map() }
}

/** What is text is stored encoded, and decoded for who cannot. */
function launchEncoding(setting: Setting): Launch {
  const { directory, originPort } = setting
  const file = join(directory, 'gzip.vcl')
  const vcl = `vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "${originPort}"; }
sub vcl_backend_response { if (beresp.http.content-type ~ "json|text") { set beresp.do_gzip = true; } }
`
  const { command } = launch({ ...setting, place: 'memory' })
  const args = command.args.flatMap((arg, i, all) => {
    if (arg === '-b') return ['-f', file]
    return all[i - 1] === '-b' ? [] : [arg]
  })
  return { command: { ...command, args }, files: new Map([['gzip.vcl', vcl]]) }
}

export const varnish: Contender = {
  name: 'varnish',
  find: () => findInstalled('varnishd', ['-V'], 'varnish'),
  proxy: null,
  cache: {
    about: `\`-s malloc,${MEMORY_MIB}m\`, for \`disk\` \`-s file\` (${DISK_MIB} MiB), one thread pool, its log in shared memory as always`,
    places: ['memory', 'disk'],
    launch,
  },
  coding: {
    about: 'as a cache, with `do_gzip` (level 6, its default) for text',
    codings: ['gzip'],
    launchCached: launchEncoding,
  },
}
