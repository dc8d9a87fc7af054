/** HAProxy in HTTP mode with one thread and shared, kept connections to the origin. */
import { join } from 'node:path'
import { findProgram } from '../command.ts'
import { findInstalled } from './installed.ts'
import type { Contender, Launch, Setting } from './types.ts'

function launch({ directory, port, originPort }: Setting): Launch {
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
frontend bench
  bind 127.0.0.1:${port}
  default_backend origin
backend origin
  server origin 127.0.0.1:${originPort}
`
  return {
    command: { file: findProgram('haproxy') ?? 'haproxy', args: ['-db', '-f', join(directory, 'haproxy.cfg')] },
    files: new Map([['haproxy.cfg', config]]),
  }
}

export const haproxy: Contender = {
  name: 'haproxy',
  about: 'HTTP mode, one thread, `http-reuse always`',
  find: () => findInstalled('haproxy', ['-v']),
  launch,
}
