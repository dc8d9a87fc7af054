/**
 * nginx in front of the apps of the page loads: as `proxy_pass` alone leaves it, and as somebody tunes it by hand, with
 * TLS, HTTP/2, brotli 5, gzip 6 and `proxy_cache`.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, findProgram } from '../command.ts'
import { nginxCommand, nginxConfig } from '../contenders/nginx.ts'

export interface Site {
  readonly name: string
  readonly port: number
}

export interface NginxPlan {
  readonly directory: string
  readonly port: number
  readonly sites: readonly Site[]
  /** Files in PEM; null = plain, and nothing tuned. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null
}

const MODULES = '/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so'
const TYPES =
  'text/css text/plain text/javascript application/javascript application/json application/manifest+json ' +
  'application/xml image/svg+xml font/ttf application/vnd.ms-fontobject'

/** Writes the configuration and says how nginx is started with it. */
export function prepareNginx({ directory, port, sites, tls }: NginxPlan): Command {
  mkdirSync(directory, { recursive: true })
  const tuned =
    tls === null
      ? ''
      : `
    gzip on; gzip_comp_level 6; gzip_proxied any; gzip_vary on; gzip_types ${TYPES};
    brotli on; brotli_comp_level 5; brotli_types ${TYPES};
    sendfile on; tcp_nopush on;
    proxy_cache_path ${directory}/cache keys_zone=pages:16m max_size=512m inactive=1h use_temp_path=off;
    ssl_certificate ${tls.certFile}; ssl_certificate_key ${tls.keyFile};
    ssl_session_cache shared:tickets:8m; ssl_protocols TLSv1.2 TLSv1.3;`
  const cached = tls === null ? '' : 'proxy_cache pages; proxy_cache_lock on; proxy_cache_revalidate on;'
  const listen = `127.0.0.1:${port}${tls === null ? '' : ' ssl http2'}`
  const servers = sites.map(
    site => `
    upstream ${site.name} { server 127.0.0.1:${site.port}; keepalive 32; }
    server {
      listen ${listen};
      server_name ${site.name}.localhost;
      location / {
        proxy_pass http://${site.name};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $upgrading;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_read_timeout 3600s;
        ${cached}
      }
    }`,
  )
  const upgrading = "map $http_upgrade $upgrading { default upgrade; '' ''; }"
  const config = join(directory, 'nginx.conf')
  const modules = tls === null ? '' : `load_module ${MODULES};`
  writeFileSync(config, nginxConfig(directory, [upgrading, tuned, ...servers].join('\n'), modules))
  return nginxCommand(findProgram('nginx') ?? 'nginx', config, directory)
}
