/** Caddy's reverse_proxy on one processor. */
import { join } from 'node:path'
import { findProgram } from '../command.ts'
import { findInstalled } from './installed.ts'
import type { Contender, Launch, Setting } from './types.ts'

/** By default it keeps 32 idle connections an origin, so that over 50 connections it opens new ones all the time. */
const KEPT = `{
		transport http {
			keepalive_idle_conns_per_host 128
		}
	}`

function launch({ directory, port, originPort, tls }: Setting, { more = '', upstream = KEPT } = {}): Launch {
  const secure = tls === null ? '' : `tls ${tls.certificate} ${tls.key}`
  const config = `{
	admin off
	auto_https off
	storage file_system ${directory}/storage
}
${tls === null ? 'http' : 'https'}://:${port} {
	bind 127.0.0.1
	${secure}
	${more}
	reverse_proxy 127.0.0.1:${originPort} ${upstream}
}
`
  const env = { GOMAXPROCS: '1', HOME: directory, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory }
  const args = ['run', '--adapter', 'caddyfile', '--config', join(directory, 'Caddyfile')]
  return {
    command: { file: findProgram('caddy') ?? 'caddy', args, env },
    files: new Map([['Caddyfile', config]]),
  }
}

export const caddy: Contender = {
  name: 'caddy',
  find: () => findInstalled('caddy', ['version']),
  proxy: {
    about: '`reverse_proxy`, GOMAXPROCS=1, 128 idle upstream connections kept',
    hasTls: true,
    launch: setting => launch(setting),
  },
  cache: null,
  coding: {
    about: '`encode zstd gzip`, its levels',
    codings: ['gzip', 'zstd'],
    launch: setting => launch(setting, { more: 'encode zstd gzip' }),
  },
}

/** As a home's Caddyfile of two lines has it. */
export const caddyDefaults: Contender = {
  name: 'caddy-defaults',
  find: caddy.find,
  proxy: {
    about: '`reverse_proxy` with nothing set, GOMAXPROCS=1',
    hasTls: true,
    launch: setting => launch(setting, { upstream: '' }),
  },
  cache: null,
}
