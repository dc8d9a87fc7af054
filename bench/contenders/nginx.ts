/** nginx with one worker: as a proxy with its own buffers or such that hold 1 MiB, and with its cache on disk. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, findProgram } from '../command.ts'
import { DISK_MIB } from './bounds.ts'
import { findInstalled } from './installed.ts'
import type { Contender, Launch, Setting } from './types.ts'

/** A whole configuration around what stands in `http`; all its files below `directory`. */
export function nginxConfig(directory: string, http: string, modules = ''): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  // A master that root starts would give its worker to `nobody`, who may not read the bench's folder.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `${user}
${modules}
worker_processes 1;
daemon off;
pid ${directory}/nginx.pid;
error_log stderr error;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  ${temporary.map(name => `${name}_temp_path ${directory}/${name};`).join('\n  ')}
  ${http}
}
`
}

export function nginxCommand(program: string, config: string, directory: string): Command {
  return { file: program, args: ['-p', directory, '-e', 'stderr', '-c', config] }
}

/** Directives of a configuration: those beside the server and those of its one location. */
interface Directives {
  readonly http: string
  readonly location: string
  readonly modules?: string
}

function launch({ directory, port, originPort, tls }: Setting, { http, location, modules }: Directives): Launch {
  const config = join(directory, 'nginx.conf')
  const secure = tls === null ? '' : `ssl_certificate ${tls.certificate}; ssl_certificate_key ${tls.key};`
  const whole = nginxConfig(
    directory,
    `
    upstream origin {
      server 127.0.0.1:${originPort};
      keepalive 128;
      keepalive_requests 1000000000;
      keepalive_timeout 3600s;
    }
    ${http}
    server {
      listen 127.0.0.1:${port} backlog=1024${tls === null ? '' : ' ssl http2'};
      ${secure}
      location / {
        proxy_pass http://origin;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        ${location}
      }
    }`,
    modules,
  )
  return {
    command: nginxCommand(findProgram('nginx') ?? 'nginx', config, directory),
    files: new Map([['nginx.conf', whole]]),
  }
}

// 1 MiB of zone holds about 8,000 keys. The manager's default of 100 files at a time falls behind the misses of a bench.
function cacheDirectives(directory: string): Directives {
  const zone = `keys_zone=bench:32m max_size=${DISK_MIB}m inactive=1h use_temp_path=off manager_files=10000`
  return {
    http: `sendfile on; tcp_nopush on; proxy_cache_path ${directory}/cache levels=1:2 ${zone};`,
    location: 'proxy_cache bench; proxy_cache_lock on;',
  }
}

const BROTLI = '/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so'

const TYPES = 'application/json text/css text/javascript'

/** Levels as people set them by hand; the types are those that nginx does not encode by itself. */
function codingDirectives(): Directives & { readonly modules: string } {
  const brotli = existsSync(BROTLI) ? `brotli on; brotli_comp_level 5; brotli_types ${TYPES};` : ''
  return {
    http: '',
    location: `gzip on; gzip_comp_level 6; gzip_proxied any; gzip_types ${TYPES}; ${brotli}`,
    modules: existsSync(BROTLI) ? `load_module ${BROTLI};` : '',
  }
}

const find = () => findInstalled('nginx', ['-v'])

/** The fields of the gateway's own line, gathered as long as its own are. */
const LOG = `log_format line escape=json '{"time":"$msec","request_id":"$request_id","client":"$remote_addr","method":"$request_method",'
      '"host":"$http_host","path":"$request_uri","protocol":"$server_protocol","status":$status,"upstream":"$upstream_addr",'
      '"bytes_in":$request_length,"bytes_out":$bytes_sent,"duration_ms":$request_time,"cache":"$upstream_cache_status",'
      '"user_agent":"$http_user_agent"}';`
const logLocation = 'access_log /dev/null line buffer=64k flush=1s;'

export const nginx: Contender = {
  name: 'nginx',
  find,
  proxy: {
    about: '`proxy_pass` with kept upstream connections, buffers as nginx has them by default',
    hasTls: true,
    launch: setting => launch(setting, { http: '', location: '' }),
  },
  cache: {
    about: `\`proxy_cache\` on disk (it has no other place), ${DISK_MIB} MiB, \`sendfile\`, \`proxy_cache_lock\``,
    places: ['memory', 'disk'],
    launch: setting => launch(setting, cacheDirectives(setting.directory)),
  },
  coding: {
    about: "gzip 6, and brotli 5 where Debian's module is installed",
    codings: existsSync(BROTLI) ? ['gzip', 'br'] : ['gzip'],
    launch: setting => launch(setting, codingDirectives()),
    launchCached: setting => {
      const [coding, cache] = [codingDirectives(), cacheDirectives(setting.directory)]
      return launch(setting, { ...coding, http: cache.http, location: `${coding.location} ${cache.location}` })
    },
  },
}

export const nginxBuffers: Contender = {
  name: 'nginx-buffers',
  find,
  proxy: {
    about: 'the same with 16 buffers of 64 KiB and no temporary file',
    launch: setting =>
      launch(setting, {
        http: '',
        location: 'proxy_buffers 16 64k; proxy_buffer_size 64k; proxy_max_temp_file_size 0;',
      }),
  },
  cache: null,
}

/** What a line a request costs elsewhere. */
export const nginxLog: Contender = {
  name: 'nginx-log',
  find,
  proxy: {
    about: 'the same with an access log as JSON, to /dev/null',
    launch: setting => launch(setting, { http: LOG, location: logLocation }),
  },
  cache: {
    about: 'the same with `proxy_cache` on disk',
    places: ['memory', 'disk'],
    launch: setting => {
      const { http, location } = cacheDirectives(setting.directory)
      return launch(setting, { http: `${LOG} ${http}`, location: `${location} ${logLocation}` })
    },
  },
}
