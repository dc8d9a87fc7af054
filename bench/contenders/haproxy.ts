/** HAProxy in HTTP mode with one thread and shared, kept connections to the origin; its cache is in memory only. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../command.ts'
import { MEMORY_MIB, OBJECT_MIB } from './bounds.ts'
import { findInstalled } from './installed.ts'
import type { Contender, Launch, Setting, TlsFiles } from './types.ts'

interface Cache {
  readonly section: string
  readonly rules: string
}

const NO_CACHE: Cache = { section: '', rules: '' }

// Without max-age it would cut every lifetime to 60 s.
const CACHE: Cache = {
  section: `cache bench
  total-max-size ${MEMORY_MIB}
  max-object-size ${OBJECT_MIB * 1024 ** 2}
  max-age 86400
`,
  // It leaves Content-Length on the 304s of its cache; wrk then waits for a body that never comes (RFC 9112 section 6.3).
  rules: `  http-request cache-use bench
  http-response cache-store bench
  http-after-response del-header content-length if { status 304 }
`,
}

function launch({ directory, port, originPort, tls }: Setting, { section, rules }: Cache): Launch {
  const secure = tls === null ? '' : ` ssl crt ${join(directory, 'both.pem')} alpn h2,http/1.1`
  const config = `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option forwardfor
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${section}frontend bench
  bind 127.0.0.1:${port}${secure}
  default_backend origin
backend origin
${rules}  server origin 127.0.0.1:${originPort}
`
  return {
    command: { file: findProgram('haproxy') ?? 'haproxy', args: ['-db', '-f', join(directory, 'haproxy.cfg')] },
    files: new Map([['haproxy.cfg', config], ...(tls === null ? [] : [bothOf(tls)])]),
  }
}

/** It wants the certificate and its key in one file. */
function bothOf({ certificate, key }: TlsFiles): readonly [string, string] {
  return ['both.pem', readFileSync(certificate, 'utf8') + readFileSync(key, 'utf8')]
}

export const haproxy: Contender = {
  name: 'haproxy',
  find: () => findInstalled('haproxy', ['-v']),
  proxy: {
    about: 'HTTP mode, one thread, `http-reuse always`',
    hasTls: true,
    launch: setting => launch(setting, NO_CACHE),
  },
  cache: {
    about: `\`cache\`, ${MEMORY_MIB} MiB in memory (it has no other place), Content-Length taken off 304s for wrk's sake`,
    places: ['memory'],
    launch: setting => launch(setting, CACHE),
  },
}
