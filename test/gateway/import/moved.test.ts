/** From another proxy's files to a running gateway: the people who could log in still can, with the passwords that they have. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { parse, stringify } from 'yaml'
import { runImport } from '../../../gateway/cli/import.ts'
import { startGateway } from '../../support/gateway.ts'
import { exchange } from '../../support/raw-client.ts'
import { answer, rawOrigin } from '../../support/raw-origin.ts'

/** By crypt(3): of the password "secret". */
const HASH = '$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'

function collector() {
  const parts: string[] = []
  const stream = new Writable({
    write(part, _encoding, done) {
      parts.push(String(part))
      done()
    },
  })
  return { stream, text: () => parts.join('') }
}

/** Runs `hearthgate import` in a folder with these files; the first is the one that is imported. */
async function moved(t: Test, kind: string, files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-move-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const [stdout, stderr] = [collector(), collector()]
  const [file = ''] = Object.keys(files)
  const io = { stdout: stdout.stream, stderr: stderr.stream, cwd: folder, env: {}, color: false }
  t.equal(runImport({ kind, file }, io), 0, stderr.text())
  const own = 'admin: { host: 127.0.0.1, port: 0 }\nlog: { level: silent, access: none }\n'
  // In the settings and not in the remarks above them, which name ports, too.
  const imported = stringify({ ...parse(stdout.text()), listen: { host: '127.0.0.1', port: 0 } })
  const { port } = await startGateway(t, own + imported)
  const ask = async (host: string, path: string, pair?: string) => {
    const login = pair === undefined ? '' : `Authorization: Basic ${Buffer.from(pair).toString('base64')}\r\n`
    return exchange(port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${login}\r\n`)
  }
  return { ask, said: stderr.text() }
}

async function origin(t: Test) {
  const app = await rawOrigin((request, socket) => socket.write(answer(200, {}, `app ${request.target}`)))
  t.teardown(() => app.close())
  return app
}

const cases: [kind: string, files: (url: string) => Readonly<Record<string, string>>][] = [
  ['caddyfile', url => ({ Caddyfile: `a.test {\n  basic_auth {\n    joe ${HASH}\n  }\n  reverse_proxy ${url}\n}\n` })],
  [
    'swag',
    url => ({
      'a.conf': `server { server_name a.test; auth_basic "x"; auth_basic_user_file /config/nginx/.htpasswd; location / { proxy_pass ${url}; } }`,
      '.htpasswd': `joe:${HASH}\n`,
    }),
  ],
  [
    'nginx-proxy-manager',
    url => ({
      'npm.json': JSON.stringify({
        proxy_hosts: [
          { domain_names: ['a.test'], forward_host: '127.0.0.1', forward_port: new URL(url).port, access_list_id: 1 },
        ],
        access_lists: [{ id: 1, items: [{ username: 'joe', password: 'secret' }] }],
      }),
    }),
  ],
]

for (const [kind, files] of cases) {
  t.test(`${kind}: who could log in there can log in here`, async t => {
    const { url, requests } = await origin(t)
    const { ask } = await moved(t, kind, files(url))
    t.equal((await ask('a.test', '/')).status, 401)
    t.equal((await ask('a.test', '/', 'joe:wrong')).status, 401)
    t.equal((await ask('a.test', '/', 'ann:secret')).status, 401)
    t.equal(requests.length, 0)
    const { status, body } = await ask('a.test', '/x', 'joe:secret')
    t.equal(status, 200)
    t.equal(body.toString(), 'app /x')
  })
}

t.test('a Caddyfile as people write them', async t => {
  const app = await origin(t)
  const { port } = new URL(app.url)
  const { ask, said } = await moved(t, 'caddyfile', {
    Caddyfile: `{
	email joe@example.org
}
(common) {
	encode zstd gzip
	header {
		X-Content-Type-Options nosniff
		-Server
	}
}
(proxy) {
	reverse_proxy {args[0]} {
		header_up X-Custom {args[1]}
	}
}
(lan) {
	@notlan not remote_ip 192.168.0.0/16
	respond @notlan "No." 403
}
home.test, www.home.test {
	import common
	redir /ui /ui/ permanent
	handle_path /api/v1/* {
		reverse_proxy 127.0.0.1:${port} {
			lb_policy least_conn
			header_up Host {upstream_hostport}
		}
	}
	handle /static* {
		file_server
	}
	handle {
		reverse_proxy {$APP_HOST:127.0.0.1}:${port}
	}
}
private.test {
	tls internal
	import lan
	reverse_proxy localhost:${port}
}
args.test {
	import proxy 127.0.0.1:${port} hello
}
*.lab.test {
	@git host git.lab.test
	handle @git {
		reverse_proxy 127.0.0.1:${port}
	}
	handle {
		abort
	}
}
`,
  })
  const statusOf = async (host: string, path: string) => (await ask(host, path)).status
  const home = await ask('www.home.test', '/x')
  t.equal(home.body.toString(), 'app /x')
  t.equal(home.headers['x-content-type-options'], 'nosniff')
  t.equal((await ask('home.test', '/api/v1/y')).body.toString(), 'app /y')
  t.equal(app.requests.at(-1)?.headers['host'], `127.0.0.1:${port}`)
  t.match((await ask('home.test', '/ui')).headers['location'], /\/ui\/$/)
  t.equal(await statusOf('home.test', '/static/x.css'), 403, 'files of Caddy itself are not asked of the app')
  t.equal(await statusOf('private.test', '/'), 403)
  t.equal((await ask('args.test', '/')).body.toString(), 'app /')
  t.equal(app.requests.at(-1)?.headers['x-custom'], 'hello')
  t.equal(await statusOf('git.lab.test', '/'), 200)
  t.equal(await statusOf('other.lab.test', '/'), 404)
  t.match(said, /lb_policy/)
})

t.test('a Caddyfile of one site without braces', async t => {
  const app = await origin(t)
  const { ask } = await moved(t, 'caddyfile', { Caddyfile: `one.test\n\nreverse_proxy ${app.url}\n` })
  t.equal((await ask('one.test', '/z')).body.toString(), 'app /z')
})
