/** What kept people out with the other proxy keeps them out here, or the route is shut: never open by an import. */
import t from 'tap'
import { importers, writeYaml } from '../../../gateway/import/index.ts'
import { configOf } from '../config/support.ts'

function accessOf(kind: string, text: string) {
  const { yaml, lost } = writeYaml(importers[kind]!(text, 'file'))
  const routes = configOf(yaml).routes.map(({ match, access, redirects, hsts, name }) => {
    const { allow = null, deny = [], paths = {}, basic = null } = access === false ? {} : access
    const users = Object.keys(basic?.users ?? {})
    return { name, hosts: match.hosts, allow, deny, paths, users, redirects, hsts: hsts !== false }
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
  [
    'lines of nginx that may',
    'nginx-proxy-manager',
    npm(', "advanced_config": "include /snippets/authelia.conf;"'),
    SHUT,
  ],
  ['lines that do not', 'nginx-proxy-manager', npm(', "advanced_config": "# deny all\\nproxy_buffering off;"'), null],
  ['no access list', 'nginx-proxy-manager', npm(', "access_list_id": 0'), null],
  ['a middleware from a file', 'traefik-labels', compose(used('authelia@file')), SHUT],
  ['passwords', 'traefik-labels', compose(used('pw') + defined('pw.basicauth.users=joe:x')), SHUT],
  ['a chain', 'traefik-labels', compose(used('all') + defined('all.chain.middlewares=pw')), SHUT],
  ['compression', 'traefik-labels', compose(used('zip') + defined('zip.compress=true')), null],
  ['passwords', 'swag', server('auth_basic "x"; auth_basic_user_file /x;'), SHUT],
  ['a server that knows who', 'swag', server('include /config/nginx/authelia-location.conf;'), SHUT],
  ['a comment about it', 'swag', server('#include /config/nginx/authelia-location.conf;\n'), null],
  ['passwords', 'caddyfile', 'a.test {\n basic_auth {\n joe x\n }\n reverse_proxy :80\n}', SHUT],
  ['a file that is not here', 'caddyfile', 'a.test {\n import authelia.conf\n reverse_proxy :80\n}', SHUT],
  ['a snippet that is', 'caddyfile', '(s) {\n encode gzip\n}\na.test {\n import s\n reverse_proxy :80\n}', null],
  ['an answer of its own', 'caddyfile', 'a.test {\n respond /healthz 200\n reverse_proxy :80\n}', null],
  [
    'everybody but these networks',
    'caddyfile',
    'a.test {\n @out not remote_ip 10.0.0.0/8 fd00::/8\n abort @out\n reverse_proxy :80\n}',
    ['10.0.0.0/8', 'fd00::/8'],
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

const NOBODY = { allow: [], deny: ['0.0.0.0/0', '::/0'] }
const closed: [title: string, kind: string, text: string, paths: object][] = [
  ['a refusal by path', 'caddyfile', 'respond /admin 403\n reverse_proxy :80', { '/admin': NOBODY }],
  ['with a text', 'caddyfile', 'respond /a* "no entry" 403\n reverse_proxy :80', { '/a*': NOBODY }],
  ['an answer with a text', 'caddyfile', 'respond /robots.txt "User-agent: *" 200\n reverse_proxy :80', {}],
  ['a block that refuses', 'caddyfile', 'handle /x/* {\n abort\n }\n reverse_proxy :80', { '/x/*': NOBODY }],
  [
    'files of its own',
    'caddyfile',
    'handle /x/* {\n file_server\n }\n handle {\n reverse_proxy :80\n }',
    { '/x/*': NOBODY },
  ],
  [
    'two paths for some',
    'caddyfile',
    '@out {\n not remote_ip 10.0.0.0/8\n path /admin* *.php\n }\n respond @out 403\n reverse_proxy :80',
    { '/admin*': { allow: ['10.0.0.0/8'], deny: [] }, '/*.php': { allow: ['10.0.0.0/8'], deny: [] } },
  ],
  [
    'a location that refuses',
    'swag',
    'location /admin { deny all; } location = /metrics { return 403; }',
    {
      '/admin*': NOBODY,
      '/metrics': NOBODY,
    },
  ],
  ['dotfiles', 'swag', 'location ~ /\\.ht { deny all; }', {}],
]

for (const [title, kind, lines, paths] of closed) {
  t.test(`${kind}: paths that nobody may see stay so: ${title}`, async t => {
    const { routes } = accessOf(
      kind,
      kind === 'swag'
        ? `server { server_name a.test; location / { proxy_pass http://10.0.0.1:80; } ${lines} }`
        : `a.test {\n ${lines}\n}`,
    )
    t.equal(routes.length, 1)
    t.strictSame(routes[0]?.paths, paths)
    t.notSame(routes[0]?.allow, SHUT)
  })
}

t.test('a part of a site for some addresses is a route for these', async t => {
  const site = (more: string) =>
    `a.test {\n @lan remote_ip 10.0.0.0/8\n handle @lan {\n reverse_proxy :80\n }\n${more}}`
  const allow = (more: string) => accessOf('caddyfile', site(more)).routes.map(each => each.allow)
  t.strictSame(allow(''), [['10.0.0.0/8']])
  t.strictSame(allow('respond 403\n'), [SHUT], 'beside a refusal of everything nothing is opened')
})

const BCRYPT = '$2y$05$CCCCCCCCCCCCCCCCCCCCC.HjfAC7Dcxi40Wnk5Kx74Fe5mhPwPc0m'
const APR1 = '$apr1$Qz/1$MIGRlihVI4.Vxl1KXlav11'
const OLD = Buffer.from(BCRYPT).toString('base64')
const site = (lines: string) => `a.test {\n ${lines}\n reverse_proxy :80\n}`
const npmList = (list: object) =>
  JSON.stringify({ proxy_hosts: JSON.parse(npm(', "access_list_id": 2')), access_lists: [{ id: 2, ...list }] })
const kept: [title: string, kind: string, text: string, users: readonly string[], lost: RegExp | null][] = [
  ['a block', 'caddyfile', site(`basic_auth {\n joe ${BCRYPT}\n ann ${BCRYPT}\n }`), ['joe', 'ann'], null],
  ['its old form', 'caddyfile', site(`basicauth bcrypt "House" {\n joe ${OLD}\n }`), ['joe'], null],
  ['a snippet', 'caddyfile', `(pw) {\n basic_auth {\n joe ${BCRYPT}\n }\n}\n${site('import pw')}`, ['joe'], null],
  ['one path', 'caddyfile', site(`basic_auth /x/* {\n joe ${BCRYPT}\n }`), ['joe'], /all addresses around it/],
  [
    'one of two',
    'caddyfile',
    site(`basic_auth {\n joe ${BCRYPT}\n eve x\n }`),
    ['joe'],
    /password of eve was not kept/,
  ],
  [
    'labels',
    'traefik-labels',
    compose(used('pw') + defined(`pw.basicauth.users=joe:${BCRYPT},ann:${APR1}`.replaceAll('$', '$$$$'))),
    ['joe', 'ann'],
    null,
  ],
  [
    'a chain of labels',
    'traefik-labels',
    compose(
      used('all') +
        defined('all.chain.middlewares=pw,zip') +
        defined(`pw.basicauth.users=joe:${APR1}`) +
        defined('zip.compress=true'),
    ),
    ['joe'],
    null,
  ],
  ['a file', 'traefik-labels', compose(used('pw') + defined('pw.basicauth.usersfile=/run/.htpasswd')), ['joe'], null],
  ['a file', 'swag', server('auth_basic "x"; auth_basic_user_file /config/nginx/.htpasswd;'), ['joe'], null],
  [
    'an access list',
    'nginx-proxy-manager',
    npmList({ pass_auth: 1, items: [{ username: 'joe', hash: APR1 }] }),
    ['joe'],
    /no longer gets the password/,
  ],
]

for (const [title, kind, text, users, told] of kept) {
  t.test(`${kind}: who had a password has it still: ${title}`, async t => {
    const read = (name: string) => (name.endsWith('.htpasswd') ? `# a comment\njoe:${APR1}\n\n` : null)
    const { yaml, lost } = writeYaml(importers[kind]!(text, 'file', read))
    const [route] = configOf(yaml).routes
    const access = route?.access === false ? null : route?.access
    t.strictSame(Object.keys(access?.basic?.users ?? {}), users)
    t.strictSame(access?.allow, [])
    t.equal(
      lost.some(line => told?.test(line)),
      told !== null,
      lost.join('\n'),
    )
  })
}

t.test('lists of addresses are kept in the order of nginx', async t => {
  const clients = [
    { address: '10.6.6.6', directive: 'deny' },
    { address: '10.0.0.0/8', directive: 'allow' },
  ]
  const kept = [{ allow: ['10.0.0.0/8'], deny: ['10.6.6.6'] }]
  t.match(accessOf('nginx-proxy-manager', npmList({ clients })).routes, kept)
  t.match(accessOf('swag', server('deny 10.6.6.6; allow 10.0.0.0/8; deny all;')).routes, kept)
  t.match(accessOf('swag', server('deny all;')).routes, [{ allow: SHUT }])
})

t.test('a router without a guard does not open what another one for the same host guards', async t => {
  const safe = 'traefik.http.routers.safe'
  const text = compose(
    `      - ${safe}.rule=Host(\`a.test\`)\n      - ${safe}.middlewares=pw\n${defined(`pw.basicauth.users=joe:${APR1}`)}`,
  )
  t.match(accessOf('traefik-labels', text).routes, [{ allow: SHUT }])
})

t.test('a router that only sends people to https is no route beside the one for https', async t => {
  const text = compose(`${used('to-https')}${defined('to-https.redirectscheme.scheme=https')}
      - traefik.http.routers.safe.rule=Host(\`a.test\`)
      - traefik.http.routers.safe.middlewares=pw
${defined(`pw.basicauth.users=joe:${APR1}`)}`)
  t.match(accessOf('traefik-labels', text).routes, [{ name: 'safe', users: ['joe'], allow: [] }])
})

t.test('labels of a swarm are read, and parts of Traefik itself are no apps', async t => {
  const text = `services:
  a:
    deploy:
      labels: { traefik.http.routers.a.rule: "Host(\`a.test\`)" }
  traefik:
    labels:
      - traefik.http.routers.dash.rule=Host(\`t.test\`)
      - traefik.http.routers.dash.service=api@internal
`
  const { routes, lost } = accessOf('traefik-labels', text)
  t.match(routes, [{ hosts: ['a.test'] }])
  t.equal(routes.length, 1)
  t.match(lost, [/no port/, /part of Traefik itself/])
})

t.test('a rule that asks for addresses or fields does not become one that asks for nothing', async t => {
  for (const rule of ['ClientIP(`10.0.0.0/8`)', 'Header(`X-Key`, `x`)', '!Host(`b.test`)']) {
    const label = `"traefik.http.routers.app.rule=Host(\`a.test\`) && ${rule}"`
    t.match(
      accessOf('traefik-labels', `services:\n  app:\n    labels:\n      - ${label}\n`).routes,
      [{ allow: SHUT }],
      rule,
    )
  }
})

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
