/** What kept people out with the other proxy keeps them out here, or the route is shut: never open by an import. */
import t from 'tap'
import { importers, writeYaml } from '../../../gateway/import/index.ts'
import { configOf } from '../config/support.ts'

function accessOf(kind: string, text: string) {
  const { yaml, lost } = writeYaml(importers[kind]!(text, 'file'))
  const routes = configOf(yaml).routes.map(({ match, access, redirects, hsts, name }) => {
    return { name, hosts: match.hosts, allow: access === false ? null : access.allow, redirects, hsts: hsts !== false }
  })
  return { routes, lost, yaml }
}

const SHUT = ['127.0.0.1', '::1']
const npm = (more: string) =>
  `[{ "domain_names": ["a.test"], "forward_host": "10.0.0.1", "forward_port": 80, "enabled": true${more} }]`
const compose = (labels: string) => `services:\n  app:\n    labels:
      - traefik.http.routers.app.rule=Host(\`a.test\`)\n${labels}`
const used = (name: string) => `      - traefik.http.routers.app.middlewares=${name}\n`
const defined = (line: string) => `      - traefik.http.middlewares.${line}\n`
const server = (line: string) => `server { server_name a.test; location / { ${line} proxy_pass http://10.0.0.1:80; } }`

const cases: [title: string, kind: string, text: string, allow: readonly string[] | null][] = [
  ['an access list', 'nginx-proxy-manager', npm(', "access_list_id": 2'), SHUT],
  ['no access list', 'nginx-proxy-manager', npm(', "access_list_id": 0'), null],
  ['a middleware from a file', 'traefik-labels', compose(used('authelia@file')), SHUT],
  ['passwords', 'traefik-labels', compose(used('pw') + defined('pw.basicauth.users=joe:x')), SHUT],
  ['a chain', 'traefik-labels', compose(used('all') + defined('all.chain.middlewares=pw')), SHUT],
  ['compression', 'traefik-labels', compose(used('zip') + defined('zip.compress=true')), null],
  ['passwords', 'swag', server('auth_basic "x"; auth_basic_user_file /x;'), SHUT],
  ['a server that knows who', 'swag', server('include /config/nginx/authelia-location.conf;'), SHUT],
  ['a comment about it', 'swag', server('#include /config/nginx/authelia-location.conf;\n'), null],
  ['passwords', 'caddyfile', 'a.test {\n basic_auth {\n joe x\n }\n reverse_proxy :80\n}', SHUT],
  ['a refusal by matcher', 'caddyfile', 'a.test {\n respond /admin 403\n reverse_proxy :80\n}', SHUT],
  ['a refusal in a block', 'caddyfile', 'a.test {\n handle /x/* {\n abort\n }\n reverse_proxy :80\n}', null],
  ['a file that is not here', 'caddyfile', 'a.test {\n import authelia.conf\n reverse_proxy :80\n}', SHUT],
  ['a snippet that is', 'caddyfile', '(s) {\n encode gzip\n}\na.test {\n import s\n reverse_proxy :80\n}', null],
  ['an answer of its own', 'caddyfile', 'a.test {\n respond /healthz 200\n reverse_proxy :80\n}', null],
  [
    'everybody but these networks',
    'caddyfile',
    'a.test {\n @out not remote_ip 10.0.0.0/8 fd00::/8\n abort @out\n reverse_proxy :80\n}',
    ['10.0.0.0/8', 'fd00::/8'],
  ],
  [
    'everybody but these networks at one path',
    'caddyfile',
    'a.test {\n @out {\n not remote_ip 10.0.0.0/8\n path /admin*\n }\n respond @out 403\n reverse_proxy :80\n}',
    SHUT,
  ],
]

for (const [title, kind, text, allow] of cases) {
  t.test(`${kind}: ${title}`, async t => {
    const { routes, lost } = accessOf(kind, text)
    t.strictSame(
      routes.map(each => each.allow),
      [allow],
    )
    t.equal(lost.filter(line => line.includes('for this machine alone')).length, allow === SHUT ? 1 : 0)
  })
}

t.test('a wildcard site with a matcher for each host', async t => {
  const { routes, lost } = accessOf(
    'caddyfile',
    `*.a.test {
  @ha host ha.a.test
  handle @ha {
    reverse_proxy 10.0.0.1:8123
  }
  @two {
    host b.a.test c.a.test
    path /x/*
  }
  reverse_proxy @two 10.0.0.2:80
  redir /old /new 301
  redir /all* /new
  handle {
    reverse_proxy 10.0.0.3:80
  }
}`,
  )
  t.strictSame(
    routes.map(({ name, hosts, redirects }) => [name, hosts, redirects]),
    [
      ['ha.a.test', ['ha.a.test'], { '/old': '/new' }],
      ['b.a.test-x', ['b.a.test', 'c.a.test'], {}],
      ['a.test', ['*.a.test'], { '/old': '/new' }],
    ],
  )
  t.match(lost, ['line 12: redir was not kept'])
})

t.test('HSTS is kept, no limit is no mistake, and the port is free', async t => {
  t.ok(accessOf('nginx-proxy-manager', npm(', "hsts_enabled": 1, "ssl_forced": 1')).routes[0]?.hsts)
  t.strictSame(accessOf('swag', server('client_max_body_size 0;')).lost, [])
  t.match(accessOf('caddyfile', 'a.test {\n reverse_proxy :8080 :8081\n}').yaml, /port: 8082/)
})
