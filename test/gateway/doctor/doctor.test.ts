/** `hearthgate doctor` against a gateway in a process of its own and apps on real sockets, each wrong in its own way. */
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { run } from '../../../gateway/cli/index.ts'
import type { Examination, Finding } from '../../../gateway/doctor/index.ts'
import { hashPassword } from '../../../plugins/access/index.ts'
import { base } from '../../support/gateway.ts'
import { gatewayProcess } from '../../support/gateway-process.ts'
import { answer, type RawOrigin, type RawRequest } from '../../support/raw-origin.ts'
import { originFor } from '../support.ts'

const HTML = { 'Content-Type': 'text/html; charset=utf-8' }
const PAGE = '<!doctype html><title>An app</title><script src="app.js"></script>'
const SCRIPT = 'export const a = 1\n'.repeat(400)
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

type App = (request: RawRequest, socket: Socket) => void

/** What an app does with a request that is nothing special to it. */
const serve: App = ({ target, headers, method }, socket) => {
  const date = { Date: new Date().toUTCString() }
  if (headers['expect'] !== undefined) return void socket.write('HTTP/1.1 100 Continue\r\n\r\n')
  if (method === 'OPTIONS') return void socket.write(answer(204, date))
  if (target.endsWith('/app.js'))
    return void socket.write(answer(200, { 'Content-Type': 'text/javascript', ...date }, SCRIPT))
  const found = /^\/(\?|$)/.test(target)
  socket.write(found ? answer(200, { ...HTML, ...date }, PAGE) : answer(404, date))
}

const own: (port: () => number, app: App) => App = (port, app) => (request, socket) =>
  request.headers['host'] === `127.0.0.1:${port()}`
    ? app(request, socket)
    : socket.write(answer(403, HTML, 'Host check error'))

const ports: Record<string, number> = {}
const apps: Readonly<Record<string, App>> = {
  right: serve,
  home: (request, socket) =>
    request.headers['x-forwarded-for'] === undefined ? serve(request, socket) : socket.write(answer(400, {})),
  sync: own(() => ports['sync'] as number, serve),
  graphs: (request, socket) => {
    if (request.headers['upgrade'] === undefined) return serve(request, socket)
    const isOwn = request.headers['origin'] === `http://127.0.0.1:${ports['graphs']}`
    socket.write(isOwn ? SWITCHING : answer(403, {}, 'origin not allowed'))
  },
  late: (_request, socket) =>
    void socket.write(answer(200, { ...HTML, Date: new Date(Date.now() - 3_600_000).toUTCString() }, PAGE)),
  slow: (request, socket) => void setTimeout(() => serve(request, socket), 700),
  signed: (_request, socket) => void socket.write(answer(200, { ...HTML, 'Set-Cookie': 'id=1; Secure; Path=/' }, PAGE)),
  events: (request, socket) => {
    if (!request.target.startsWith('/api/activity-stream')) return serve(request, socket)
    const begin = () => socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
    socket.once('close', () => clearTimeout(timer))
    const timer = setTimeout(begin, 900)
  },
  garbage: (_request, socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n'),
}
const more: Readonly<Record<string, string>> = {
  home: 'preset: home-assistant',
  graphs: 'preset: grafana',
  events: 'preset: flood, limits: { response_timeout: 300ms }, retry: false',
  slow: 'limits: { response_timeout: 200ms }, retry: false',
}

const origins: Record<string, RawOrigin> = {}
for (const [name, app] of Object.entries(apps)) {
  const origin = await originFor(t, app)
  origins[name] = origin
  ports[name] = origin.port
}
const routes = Object.entries(origins).map(([name, { url }]) => {
  const rest = more[name] === undefined ? '' : `, ${more[name]}`
  return `  - { name: ${name}, match: { host: ${name}.test }, upstream: "${url}"${rest} }\n`
})
const hash = await hashPassword('secret')
const { folder } = await gatewayProcess(
  t,
  `${base}routes:\n${routes.join('')}
  - { name: demo, match: { host: demo.test }, upstream: "builtin:demo" }
  - { name: clear, match: { host: clear.test }, upstream: "h2c://127.0.0.1:1", health: { hold: 0s } }
  - { name: guarded, match: { host: guarded.test }, upstream: "${origins['right']?.url}", access: { basic: { users: { joe: '${hash}' } } } }
  - { name: locked, match: { host: locked.test }, deny: true }
  - { name: gone, match: { host: gone.test }, upstream: "http://127.0.0.1:1", preset: verdaccio }
`,
)

async function doctor(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const code = await run(['doctor', ...args], { stdout, stderr, cwd: folder, env: {}, color: false })
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

async function findingsOf(route: string): Promise<{ code: number; bad: Finding[]; all: readonly Finding[] }> {
  const { code, out } = await doctor(route, '--json')
  const { routes: told, well } = JSON.parse(out) as { well: boolean; routes: Examination[] }
  t.equal(told.length, 1)
  t.equal(well, code === 0)
  const all = told[0]?.findings ?? []
  return { code, all, bad: all.filter(({ status }) => status === 'fail') }
}

t.test('nothing is wrong with a right set-up, nor with the demo', async t => {
  for (const route of ['right', 'guarded', 'demo', 'locked']) {
    const { code, all, bad } = await findingsOf(route)
    t.strictSame(bad, [], route)
    t.strictSame(
      all.filter(({ status }) => status === 'warn'),
      [],
      route,
    )
    t.equal(code, 0)
  }
})

for (const [route, check, remedy] of [
  ['home', 'trusted-proxy', { where: 'app', file: 'configuration.yaml', line: /trusted_proxies: \[127\.0\.0\.1\]/ }],
  ['sync', 'host', { where: 'route', file: 'sync', line: 'headers: { host: upstream }' }],
  [
    'graphs',
    'origin-check',
    { where: 'app', file: 'grafana.ini, [server]', line: /root_url = https:\/\/graphs\.test/ },
  ],
  ['late', 'clock', { where: 'app', line: 'timedatectl set-ntp true' }],
  ['slow', 'time-limits', { where: 'route', line: 'limits: { response_timeout: 30s }' }],
  ['events', 'sse', { where: 'route', line: 'limits: { response_timeout: 30s }' }],
  ['signed', 'cookies', { where: 'route', file: 'listen', line: /^tls: / }],
  ['garbage', 'reach', { where: 'route', line: /^upstream: / }],
  ['gone', 'reach', { where: 'route', line: 'upstream: http://127.0.0.1:4873' }],
] as const) {
  t.test(`${check} is what is wrong with ${route}, and how it is put right is said`, async t => {
    const { code, bad } = await findingsOf(route)
    t.equal(code, 1)
    t.match(
      bad.find(one => one.check === check),
      { check, status: 'fail', remedy },
    )
  })
}

t.test('where visitors have to sign in, the doctor stays outside', async t => {
  const { all } = await findingsOf('guarded')
  const skipped = all.filter(({ reason }) => reason.includes('asks visitors to sign in')).map(({ check }) => check)
  t.strictSame(skipped, ['gateway', 'upload', 'compression', 'caching'])
  t.equal(all.find(({ check }) => check === 'reach')?.status, 'pass')
})

t.test('an origin that cannot be asked directly is asked through the gateway', async t => {
  const { bad } = await findingsOf('clear')
  t.match(bad, [{ check: 'gateway', reason: /HG_UPSTREAM_REFUSED/, remedy: { line: /^hearthgate explain GET/ } }])
})

t.test('an app is recognised by what it says, and its preset is named', async t => {
  const { all } = await findingsOf('sync')
  t.match(
    all.find(({ check }) => check === 'app'),
    { status: 'pass', remedy: { line: 'preset: syncthing' } },
  )
})

t.test('every request is marked, carries no credentials, and none could change anything', async t => {
  const seen = Object.values(origins).flatMap(({ requests }) => requests)
  t.ok(seen.length > 60, `${seen.length} requests`)
  for (const { method, headers, body, complete } of seen) {
    t.match(headers['user-agent'], /^hearthgate-doctor\/\d/)
    t.notOk(headers['authorization'] ?? headers['cookie'] ?? headers['x-hearthgate'])
    if (method !== 'PUT') t.ok(['GET', 'HEAD', 'OPTIONS', 'PROPFIND'].includes(method), method)
    else {
      t.equal(body.length, 0)
      await t.rejects(complete, 'no upload is ever whole')
    }
  }
  t.ok(seen.some(({ method }) => method === 'PUT'))
})

t.test('all routes are examined without a name, for people, with the line below what is wrong', async t => {
  const { code, out } = await doctor()
  t.equal(code, 1)
  t.match(out, /^right {2}http:\/\/right\.test:\d+\/\n {2}pass {2}reach /)
  t.match(out, /fail {2}host [^\n]*\n {8}in route 'sync': headers: \{ host: upstream \}\n/)
  t.match(out, /in the app, configuration\.yaml: http: \{/)
  t.match(out, /\n\n14 routes: \d+ wrong, \d+ could be better, \d+ well, \d+ not looked at\n$/)
})

t.test('what cannot be examined is said in one line', async t => {
  t.match(await doctor('rihgt'), {
    code: 1,
    out: '',
    err: 'hearthgate: no route is called "rihgt", did you mean "right"\n',
  })
  t.match(await doctor('right', 'demo'), { code: 64, err: /write: hearthgate doctor \[ROUTE\]/ })
  t.match(await doctor('--admin', 'http://127.0.0.1:1023'), { code: 1, err: /nothing listens at/ })
})
