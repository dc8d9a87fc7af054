/**
 * `hearthgate purge` and `hearthgate stats` against a gateway in a process of its own.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { run } from '../../gateway/cli/index.ts'
import { startRedis, withoutRedis } from '../plugins/cache/stores/support.ts'
import { base } from '../support/gateway.ts'
import { type GatewayProcess, gatewayProcess } from '../support/gateway-process.ts'
import { exchange } from '../support/raw-client.ts'
import { answer } from '../support/raw-origin.ts'
import { eventually, originFor } from './support.ts'

const TOKEN = 'a-token-of-more-than-16'

interface Printed {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command line in the folder of the configuration. */
async function cli(cwd: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Printed> {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const code = await run(args, { stdout, stderr, cwd, env, color: false })
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
}

async function cachingGateway(t: Test, admin = '', store = 'memory'): Promise<GatewayProcess> {
  const origin = await originFor(t, ({ target }, socket) => {
    socket.write(answer(200, { 'Cache-Control': 'public, max-age=600', 'Cache-Tag': 'every' }, target))
  })
  const top = base.replace('admin: { ', `admin: { ${admin}`)
  return await gatewayProcess(t, `${top}store: ${store}\nroutes:\n  - { name: wiki, upstream: "${origin.url}" }\n`)
}

async function fill({ port }: GatewayProcess, ...targets: string[]): Promise<void> {
  for (const target of targets) {
    await eventually(async () => {
      const { headers } = await exchange(port, `GET ${target} HTTP/1.1\r\nHost: wiki.test\r\n\r\n`)
      return (headers['cache-status'] ?? '').includes('hit')
    })
  }
}

t.test('purge finds the gateway by its runtime file and forgets what is named, each in turn', async t => {
  const gateway = await cachingGateway(t)
  const { folder } = gateway
  await fill(gateway, '/a', '/b', '/c')
  const named = ['--url', 'http://WIKI.test/a', '--prefix=http://wiki.test/b', '--route', 'wiki', '--all']
  t.strictSame(await cli(folder, ['purge', ...named]), {
    code: 0,
    out: [
      'http://WIKI.test/a: 1 answer removed',
      'addresses that begin with http://wiki.test/b: 1 answer removed',
      'route wiki: 1 answer removed',
      'everything: 0 answers removed\n',
    ].join('\n'),
    err: '',
  })
  await fill(gateway, '/a', '/b')
  t.match(await cli(folder, ['purge', '--tag', 'every', '--tag=none']), {
    code: 0,
    out: 'tag every: 2 answers removed\ntag none: 0 answers removed\n',
  })
})

t.test('stats tells what the gateway and its cache do, for people and as JSON', async t => {
  const gateway = await cachingGateway(t)
  await fill(gateway, '/a')
  const { code, out } = await cli(gateway.folder, ['stats'])
  t.equal(code, 0)
  t.match(out, /^generation 1, up \d+ s, \d+ MiB\n/)
  t.match(out, /\nUPSTREAM +ORIGIN +STATE +IN FLIGHT +CONNECTIONS\nwiki +http:\/\/127/)
  t.match(out, /\ncache +memory: 1 answers?, \d+ KiB\n/)
  t.match(out, /\nROUTE +OUTCOME +REQUESTS\nwiki +(hit|miss) +\d/)
  const json = JSON.parse((await cli(gateway.folder, ['stats', '--json'])).out)
  t.match(json, { generation: 1, cache: { store: { kind: 'memory', entries: 1 }, outcomes: { miss: 1 } } })
})

t.test('the command does the same as a process of its own', async t => {
  const gateway = await cachingGateway(t)
  await fill(gateway, '/a')
  const main = process.env.HG_MAIN ?? fileURLToPath(new URL('../../gateway/main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, 'purge', '--all', '--config', gateway.file], { timeout: 20_000 })
  let out = ''
  child.stdout.on('data', chunk => {
    out += chunk
  })
  const [code] = await once(child, 'close')
  t.equal(code, 0)
  t.equal(out, 'everything: 1 answer removed\n')
})

t.test('a purge while Redis is away says what it could not reach', { skip: withoutRedis }, async t => {
  const redis = await startRedis(t)
  const gateway = await cachingGateway(t, '', redis.url)
  await fill(gateway, '/a')
  t.match(await cli(gateway.folder, ['purge', '--url', 'http://wiki.test/a']), { out: / 1 answer removed\n$/ })
  await fill(gateway, '/a')
  await redis.stop()
  t.match(await cli(gateway.folder, ['purge', '--all']), {
    code: 0,
    out: /^everything: \d answers? removed here; the store could not be reached, .* other gateways may serve it until then\n$/,
  })
  t.match(await cli(gateway.folder, ['stats']), { code: 0, out: /\ncache +\S*redis/ })
})

t.test('the token comes from the runtime file, the environment or the command line', async t => {
  const gateway = await cachingGateway(t, `token: ${TOKEN}, `)
  const { folder, admin } = gateway
  t.match(await cli(folder, ['purge', '--all']), { code: 0 })
  t.match(await cli('/', ['purge', '--all', '--admin', admin]), {
    code: 1,
    out: '',
    err: /^hearthgate: http:\S+ refused \(401\): send the token.*\n$/,
  })
  t.match(await cli('/', ['purge', '--all', '--admin', `${admin}/`], { HEARTHGATE_TOKEN: TOKEN }), { code: 0 })
  t.match(await cli('/', ['stats', '--admin', admin, '--token', TOKEN]), { code: 0 })
  t.match(await cli(folder, ['stats', '--token', 'wrong']), { code: 1, err: /401/ })
})

t.test('what the admin API refuses is told in one line, and ends the run', async t => {
  const { folder } = await cachingGateway(t)
  const { code, out, err } = await cli(folder, ['purge', '--route', 'wikki', '--all'])
  t.equal(code, 1)
  t.equal(out, '')
  t.match(err, /^hearthgate: http:\S+ refused \(400\): there is no route "wikki"; the routes are: wiki\n$/)
  t.match(await cli(folder, ['purge', '--url', '/a']), { code: 1, err: /whole address/ })
})

t.test('a broken configuration is no hindrance, as long as it says where the state is', async t => {
  const gateway = await cachingGateway(t)
  const yaml = readFileSync(gateway.file, 'utf8')
  writeFileSync(gateway.file, `${yaml}timout: 5s\nstore: "\${NOT_SET}"\n`)
  t.match(await cli(gateway.folder, ['purge', '--all']), { code: 0 })
  writeFileSync(gateway.file, 'state_dir: [a]\n')
  t.match(await cli(gateway.folder, ['purge', '--all']), {
    code: 1,
    err: /gateway\.yaml: "state_dir": .*--admin URL\n$/,
  })
  writeFileSync(gateway.file, '{')
  t.match(await cli(gateway.folder, ['purge', '--all']), { code: 1, err: /not valid YAML/ })
  rmSync(gateway.file)
  t.match(await cli(gateway.folder, ['stats']), { code: 1, err: /gateway\.yaml: cannot be read: no such file.*\n$/ })
})

t.test('without a gateway there is one line that says so', async t => {
  const cwd = t.testdir({ 'gateway.yaml': 'routes: []\n', state: {} })
  const file = join(cwd, 'state/runtime.json')
  for (const command of [['purge', '--all'], ['stats']]) {
    rmSync(file, { force: true })
    t.strictSame(await cli(cwd, command), {
      code: 1,
      out: '',
      err: 'hearthgate: no gateway is running: there is no state/runtime.json\n',
    })
    for (const text of ['', 'null', '{}', '{"admin":3,"pid":1}']) {
      writeFileSync(file, text)
      t.match(await cli(cwd, command), { code: 1, err: /^hearthgate: state\/runtime\.json cannot be read; name.*\n$/ })
    }
  }
})

t.test('the file of a gateway that was killed names the process that is gone', async t => {
  const gateway = await cachingGateway(t)
  const { child, folder, admin } = gateway
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.strictSame(await cli(folder, ['purge', '--all']), {
    code: 1,
    out: '',
    err: `hearthgate: no gateway is running: nothing listens at ${admin}, which process ${child.pid} wrote into state/runtime.json\n`,
  })
  t.match(await cli(folder, ['stats', '--admin', admin]), { code: 1, err: `hearthgate: nothing listens at ${admin}\n` })
})

t.test('somebody else at the address gets no further than one line', async t => {
  const seen: (string | undefined)[] = []
  const server = http.createServer((request, response) => {
    seen.push(request.headers.authorization)
    if (request.url?.startsWith('/away')) response.writeHead(302, { location: '/elsewhere' })
    response.end(request.url?.startsWith('/json') ? '{"a":"\u001b[31m"}' : 'hello \u001b[31m')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const admin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  for (const command of [['purge', '--all'], ['stats']]) {
    for (const path of ['', '/json', '/away']) {
      const { code, out, err } = await cli('/', [...command, '--admin', admin + path, '--token', TOKEN])
      t.strictSame({ code, out }, { code: 1, out: '' }, path)
      t.match(err, /^hearthgate: [\x20-\x7e]+\n$/, path)
    }
  }
  t.ok(seen.length > 0 && seen.every(value => value === `Bearer ${TOKEN}`))
  t.match(await cli('/', ['stats', '--admin', 'localhost:9900']), {
    code: 1,
    err: /write the admin address as --admin/,
  })
})

t.test('a command line that names nothing is told what to write', async t => {
  t.match(await cli('/', ['purge']), { code: 64, err: /say what to purge: --url, --prefix, --route, --tag or --all/ })
  t.match(await cli('/', ['purge', 'http://a/']), { code: 64, err: /write --url http:\/\/a\// })
  const { out } = await cli('/', ['help'])
  t.match(out, /hearthgate purge +\[--url U\]/)
  t.match(out, /hearthgate stats +\[--json\]/)
})
