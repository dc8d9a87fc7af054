import fc from 'fast-check'
import t from 'tap'
import type { RouteConfig } from '../../../gateway/config/types.ts'
import { importers, writeYaml } from '../../../gateway/import/index.ts'
import { configOf } from '../config/support.ts'

function imported(kind: string, text: string): { routes: readonly RouteConfig[]; lost: readonly string[] } {
  const { yaml, lost } = writeYaml(importers[kind]!(text, 'file'))
  return { routes: configOf(yaml).routes, lost }
}

const caddyfile = `
{
  email joe@home.test
}
(secure) {
  header {
    X-Frame-Options SAMEORIGIN
    -Server
  }
}
cloud.home.test, https://files.home.test:8443 {
  import secure
  encode zstd gzip
  request_body {
    max_size 10GB
  }
  handle_path /office/* {
    reverse_proxy 192.168.1.9:9980
  }
  handle {
    reverse_proxy http://192.168.1.9:11000 {
      header_up X-Real-IP {remote_host}
      header_up Host {upstream_hostport}
      transport http {
        tls_insecure_skip_verify
      }
    }
  }
}
photos.home.test {
  forward_auth authelia:9091 {
    uri /api/authz/forward-auth
    copy_headers Remote-User Remote-Groups
  }
  @api path /api/*
  reverse_proxy @api :2284
  reverse_proxy :2283 # the app
  php_fastcgi unix//run/php.sock
  basic_auth {
    joe $2a$14$abc
  }
}
`

t.test('a Caddyfile becomes routes, and what is lost is told', async t => {
  const { routes, lost } = imported('caddyfile', caddyfile)
  t.match(routes, [
    { match: { hosts: ['cloud.home.test', 'files.home.test'], path: '/office' }, rewritePath: '/' },
    {
      match: { hosts: ['cloud.home.test', 'files.home.test'], path: '/' },
      upstream: [{ url: 'http://192.168.1.9:11000' }],
      limits: { bodySize: 10_000_000_000 },
      headers: { host: 'upstream', response: { set: { 'X-Frame-Options': 'SAMEORIGIN' } } },
      tls: { verify: false },
    },
    { match: { hosts: ['photos.home.test'], path: '/api' }, upstream: [{ url: 'http://127.0.0.1:2284' }] },
    { match: { path: '/' }, access: { forward: { url: 'http://authelia:9091/api/authz/forward-auth' } } },
  ])
  for (const part of ['global options', 'php_fastcgi', 'password of joe', 'hearthgate password'])
    t.ok(
      lost.some(sentence => sentence.includes(part)),
      part,
    )
})

const npm = JSON.stringify([
  {
    domain_names: ['wiki.home.test', 'notes.home.test'],
    forward_scheme: 'http',
    forward_host: '192.168.1.9',
    forward_port: 3000,
    access_list_id: 2,
    certificate_id: 5,
    ssl_forced: 1,
    advanced_config: 'client_max_body_size 0;',
    enabled: 1,
    locations: [{ path: '/img', forward_scheme: 'https', forward_host: 'nas/pictures/', forward_port: 8443 }],
  },
  { id: 2, domain_names: ['old.home.test'], forward_host: 'x', forward_port: 1, enabled: 0 },
])

t.test('hosts of Nginx Proxy Manager become routes', async t => {
  const { routes, lost } = imported('nginx-proxy-manager', npm)
  t.match(routes, [
    { match: { hosts: ['wiki.home.test', 'notes.home.test'] }, upstream: [{ url: 'http://192.168.1.9:3000' }] },
    {
      match: { path: '/img' },
      upstream: [{ url: 'https://nas:8443' }],
      rewritePath: '/pictures',
      tls: { verify: false },
    },
  ])
  for (const part of ['access list', 'nginx configuration', 'certificate', 'Force SSL', 'switched off'])
    t.ok(
      lost.some(sentence => sentence.includes(part)),
      part,
    )
})

const compose = `
services:
  whoami:
    labels:
      - traefik.enable=true
      - "traefik.http.routers.who.rule=Host(\`who.home.test\`) || Host(\`whoami.home.test\`)"
      - traefik.http.routers.who.middlewares=auth@docker,lan
      - traefik.http.services.who.loadbalancer.server.port=8080
      - traefik.http.middlewares.lan.ipallowlist.sourcerange=192.168.0.0/16, 10.0.0.0/8
  wiki:
    labels:
      traefik.http.routers.wiki.rule: Host(\`home.test\`) && PathPrefix(\`/wiki\`) && Method(\`GET\`)
      traefik.http.routers.wiki.middlewares: strip,limit
      traefik.http.middlewares.strip.stripprefix.prefixes: /wiki
      traefik.http.services.wiki.loadbalancer.server.port: "3000"
      traefik.http.middlewares.auth.forwardauth.address: http://auth:4181
      traefik.http.middlewares.auth.forwardauth.authResponseHeaders: X-Forwarded-User
`

t.test('labels of Traefik become routes', async t => {
  const { routes, lost } = imported('traefik-labels', compose)
  const forward = { url: 'http://auth:4181', headers: ['X-Forwarded-User'] }
  t.match(routes, [
    {
      match: { hosts: ['who.home.test', 'whoami.home.test'] },
      upstream: [{ url: 'http://whoami:8080' }],
      access: { allow: ['192.168.0.0/16', '10.0.0.0/8'], forward },
    },
    { match: { hosts: ['home.test'], path: '/wiki' }, upstream: [{ url: 'http://wiki:3000' }], rewritePath: '/' },
  ])
  t.match(lost, [/Method/, /middleware limit/])
})

const swag = `
server {
    listen 443 ssl;
    server_name nextcloud.*;
    client_max_body_size 0;
    location / {
        include /config/nginx/proxy.conf;
        set $upstream_app nextcloud;
        set $upstream_port 4443;
        set $upstream_proto https;
        proxy_pass $upstream_proto://$upstream_app:$upstream_port;
        proxy_read_timeout 3600s;
        proxy_hide_header Referrer-Policy;
    }
    location ~ (/api)?/x { proxy_pass http://a:1; }
}
server {
    server_name wiki.home.test;
    location ^~ /notes/ { set $host_of wiki; proxy_pass http://\${host_of}:3000/base/; }
}
`

t.test('files of SWAG become routes', async t => {
  const { routes, lost } = imported('swag', swag)
  t.match(routes, [
    {
      match: { hosts: ['nextcloud.home.arpa'], path: '/' },
      upstream: [{ url: 'https://nextcloud:4443' }],
      limits: { bodySize: null, responseTimeoutMs: 3_600_000 },
      tls: { verify: false },
    },
    {
      match: { hosts: ['wiki.home.test'], path: '/notes' },
      upstream: [{ url: 'http://wiki:3000' }],
      rewritePath: '/base',
    },
  ])
  t.match(lost.toSorted(), [/pattern/, /proxy_hide_header/])
})

t.test('what stands twice is kept once', async t => {
  const { routes, lost } = imported('caddyfile', 'a.test {\n reverse_proxy b:1\n}\na.test {\n reverse_proxy c:1\n}\n')
  t.equal(routes.length, 1)
  t.ok(lost.some(sentence => sentence.includes('stands twice')))
})

t.test('what this gateway would refuse is told and left out', async t => {
  const text =
    'a.test {\n reverse_proxy b:1 {\n header_up Connection upgrade\n }\n}\n$x.test {\n reverse_proxy c:1\n}\n'
  const { routes, lost } = imported('caddyfile', text)
  t.equal(routes.length, 1)
  t.ok(lost.some(sentence => sentence.includes('Connection')))
})

t.test('a field that is none is told, and the rest of the list kept', async t => {
  const auth = 'forward_auth c:1 {\n uri /a\n copy_headers :Remote-User Remote-Groups\n }\n'
  const { routes, lost } = imported('caddyfile', `a.test {\n ${auth} reverse_proxy b:1\n}\n`)
  t.match(routes, [{ access: { forward: { headers: ['Remote-Groups'] } } }])
  t.ok(lost.some(sentence => sentence.includes(':Remote-User')))
})

t.test('a route whose guard cannot be read is left out, not opened', async t => {
  const guarded = 'a.test {\n forward_auth "c d:1" {\n uri /a\n }\n reverse_proxy b:1\n}\n'
  const { routes, lost } = imported('caddyfile', `${guarded}d.test {\n reverse_proxy b:1\n}\n`)
  t.match(routes, [{ match: { hosts: ['d.test'] } }])
  t.equal(routes.length, 1)
  t.ok(lost.some(sentence => sentence.includes('left out')))
})

const samples = { caddyfile, swag, 'traefik-labels': compose, 'nginx-proxy-manager': npm }

for (const [kind, sample] of Object.entries(samples)) {
  t.test(`wherever a ${kind} file is broken, what is written can be read`, async t => {
    const cut = fc.tuple(fc.nat(sample.length), fc.nat(sample.length), fc.string({ maxLength: 5 }))
    const holds = fc.property(cut, ([from, to, noise]) => {
      const text = sample.slice(0, Math.min(from, to)) + noise + sample.slice(Math.max(from, to))
      configOf(writeYaml(importers[kind]!(text, 'file')).yaml)
    })
    t.doesNotThrow(() => fc.assert(holds, { numRuns: 150 }))
  })
}
