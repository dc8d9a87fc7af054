/** Proxies that go through the drills: ours with its defaults, the others as an expert would set them up for one app. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, findProgram } from '../command.ts'
import { findInstalled, findPackage, PROJECT_FOLDER } from '../contenders/installed.ts'
import { nginxCommand, nginxConfig } from '../contenders/nginx.ts'
import type { Availability } from '../contenders/types.ts'
import type { Tuning } from './types.ts'

export interface FrontSetting {
  /** An empty folder of its own. */
  readonly directory: string
  readonly port: number
  readonly originPorts: readonly number[]
  readonly tuning: Tuning
}

export interface Contender {
  readonly name: string
  find(): Availability
  /** Pure: the process, and the text of its files by their names in the folder. */
  launch(setting: FrontSetting): { command: Command; files: ReadonlyMap<string, string> }
}

const MAIN = join(PROJECT_FOLDER, 'dist', 'gateway', 'main.js')

const hearthgate: Contender = {
  name: 'hearthgate',
  find: () =>
    existsSync(MAIN)
      ? { available: true, version: 'built' }
      : { available: false, reason: 'not built (npm run build)' },
  launch({ directory, port, originPorts }) {
    const config = `listen: { host: 127.0.0.1, port: ${port} }
admin: { host: 127.0.0.1, port: 0 }
state_dir: ./state
log: { level: warn, access: none }
routes:
  - name: app
    upstream: [${originPorts.map(origin => `{ url: "http://127.0.0.1:${origin}" }`).join(', ')}]
`
    const file = join(directory, 'gateway.yaml')
    return {
      command: { file: process.execPath, args: [MAIN, 'start', '--config', file] },
      files: new Map([['gateway.yaml', config]]),
    }
  },
}

const httpProxy: Contender = {
  name: 'http-proxy',
  find: () => findPackage('@fastify/http-proxy'),
  launch({ port, originPorts }) {
    const server = join(import.meta.dirname, 'http-proxy.ts')
    return {
      command: { file: process.execPath, args: [server, String(port), ...originPorts.map(String)] },
      files: new Map(),
    }
  },
}

const nginx: Contender = {
  name: 'nginx',
  find: () => findInstalled('nginx', ['-v']),
  launch({ directory, port, originPorts, tuning }) {
    const most = tuning.capacity === undefined ? '' : ` max_conns=${tuning.capacity}`
    const config = nginxConfig(
      directory,
      `upstream app {
    ${originPorts.map(origin => `server 127.0.0.1:${origin}${most};`).join('\n    ')}
    keepalive 64;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_next_upstream error timeout http_502 http_503 http_504;
    }
  }`,
    )
    return {
      command: nginxCommand(findProgram('nginx') ?? 'nginx', join(directory, 'nginx.conf'), directory),
      files: new Map([['nginx.conf', config]]),
    }
  },
}

const haproxy: Contender = {
  name: 'haproxy',
  find: () => findInstalled('haproxy', ['-v']),
  launch({ directory, port, originPorts, tuning }) {
    const most = tuning.capacity === undefined ? '' : ` maxconn ${tuning.capacity}`
    const config = `global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout queue 2s
  retries 8
  option redispatch 1
  retry-on conn-failure empty-response 502 503 504
frontend in
  bind 127.0.0.1:${port}
  default_backend app
backend app
  http-request disable-l7-retry if METH_POST
${originPorts.map((origin, i) => `  server app${i} 127.0.0.1:${origin}${most}`).join('\n')}
`
    return {
      command: { file: findProgram('haproxy') ?? 'haproxy', args: ['-db', '-f', join(directory, 'haproxy.cfg')] },
      files: new Map([['haproxy.cfg', config]]),
    }
  },
}

const caddy: Contender = {
  name: 'caddy',
  find: () => findInstalled('caddy', ['version']),
  launch({ directory, port, originPorts, tuning }) {
    const most = tuning.capacity === undefined ? '' : `\n\t\tunhealthy_request_count ${tuning.capacity}`
    const config = `{
	admin off
	auto_https off
	storage file_system ${directory}/storage
}
http://:${port} {
	bind 127.0.0.1
	reverse_proxy ${originPorts.map(origin => `127.0.0.1:${origin}`).join(' ')} {
		lb_try_duration 8s
		lb_try_interval 250ms${most}
	}
}
`
    const env = { HOME: directory, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory }
    return {
      command: {
        file: findProgram('caddy') ?? 'caddy',
        args: ['run', '--adapter', 'caddyfile', '--config', join(directory, 'Caddyfile')],
        env,
      },
      files: new Map([['Caddyfile', config]]),
    }
  },
}

export const contenders: readonly Contender[] = [hearthgate, httpProxy, nginx, haproxy, caddy]
