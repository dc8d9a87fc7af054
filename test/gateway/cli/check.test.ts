// biome-ignore-all lint/suspicious/noControlCharactersInRegex: colours are control characters
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { foldersOf } from '../../../gateway/certificates/index.ts'
import { issueLeaf, openLocalCa } from '../../../gateway/certificates/local-ca.ts'
import { runCheck } from '../../../gateway/cli/check.ts'
import { loadConfig } from '../../../gateway/config/load.ts'
import { runCommand } from './support.ts'

t.test('a sound file ends with one line and 0', async t => {
  const cwd = t.testdir({ 'gateway.yaml': 'routes:\n  - { name: a, upstream: http://a }\n' })
  t.strictSame(
    runCommand(io => runCheck({ config: 'gateway.yaml' }, io), cwd),
    { code: 0, stdout: 'gateway.yaml can be used: 1 route, 1 listener\n', stderr: '' },
  )
})

t.test('every problem and every warning is a line, and the end is 78', async t => {
  const text =
    'listen: { host: 0.0.0.0 }\nroutes:\n  - name: x\n    upstream: http://a\n    timout: 5s\n  - { name: y, upstream: a }\n'
  const cwd = t.testdir({ etc: { 'home.yaml': text } })
  const { code, stdout } = runCommand(io => runCheck({ config: 'etc/home.yaml' }, io), cwd)
  t.equal(code, 78)
  t.match(stdout.split('\n'), [
    'etc/home.yaml:5:5 route \'x\': unknown key "timout", did you mean "timeout" (which belongs in "request_optimization")',
    /^etc\/home\.yaml:6:5 route 'y': \*\/ already belongs to route 'x' in line 3$/,
    /^etc\/home\.yaml:6:26 route 'y': "upstream": expected a URL/,
    /^etc\/home\.yaml:1:9 warning: 0\.0\.0\.0:8080 is plain HTTP/,
    'etc/home.yaml cannot be used: 3 problems, 1 warning',
    '',
  ])
})

t.test('with partial, a faulty route is a warning and the end is 0', async t => {
  const text = 'routes:\n  - { name: a, upstream: http://a }\n  - { name: b, match: { host: b }, upstream: b }\n'
  const cwd = t.testdir({ 'gateway.yaml': text })
  t.equal(runCommand(io => runCheck({ config: 'gateway.yaml' }, io), cwd).code, 78)
  const { code, stdout } = runCommand(io => runCheck({ config: 'gateway.yaml', partial: true }, io), cwd)
  t.equal(code, 0)
  t.match(stdout, /^gateway\.yaml:3:46 warning: route 'b': not served: "upstream": /)
  t.match(stdout, /can be used: 2 routes \(1 not served\), 1 listener, 1 warning\n$/)
})

t.test('the environment of the command is used', async t => {
  const cwd = t.testdir({ 'gateway.yaml': 'routes:\n  - { name: a, upstream: "http://$' + '{APP}" }\n' })
  const check = (env: NodeJS.ProcessEnv) => runCommand(io => runCheck({ config: 'gateway.yaml' }, io), cwd, { env })
  t.equal(check({ APP: '127.0.0.1:3000' }).code, 0)
  t.match(check({}), { code: 78, stdout: /variable APP is not set/ })
})

t.test('a missing file is told, by its whole path where it lies elsewhere', async t => {
  const cwd = t.testdir({})
  t.match(
    runCommand(io => runCheck({ config: 'gateway.yaml' }, io), cwd),
    {
      code: 78,
      stdout: /^gateway\.yaml:1:1 cannot be read: no such file; name another one with --config FILE\n/,
    },
  )
  t.match(
    runCommand(io => runCheck({ config: '/nowhere/gateway.yaml' }, io), cwd).stdout,
    /^\/nowhere\/gateway\.yaml:1:1 /,
  )
})

t.test('colours appear on a terminal only', async t => {
  const cwd = t.testdir({ 'gateway.yaml': 'x: 1\n' })
  const check = (color: boolean) => runCommand(io => runCheck({ config: 'gateway.yaml' }, io), cwd, { color }).stdout
  t.notMatch(check(false), /\u001b/)
  t.match(check(true), /^\u001b\[1mgateway\.yaml:1:1\u001b\[0m /)
  t.equal(check(true).replaceAll(/\u001b\[\d+m/g, ''), check(false))
})

t.test('a certificate that is over, or should have been renewed, is a warning', async t => {
  const yaml = `listen: [{ host: 127.0.0.1, port: 80 }, { host: 127.0.0.1, port: 443, tls: [{ cert: own.pem, key: own.pem }, { acme: true }] }]
acme: { email: a@b.c, agree: true, directory: "https://ca.test/dir" }
routes: [{ name: a, match: { host: a.test }, upstream: http://10.0.0.9 }]
`
  const cwd = t.testdir({ 'gateway.yaml': yaml })
  const DAY = 86_400_000
  const authority = await openLocalCa(join(cwd, 'ca'), ['a.test'], Date.now())
  const put = async (file: string, name: string, days: number) =>
    writeFileSync(file, await issueLeaf(authority, [name], Date.now() - days * DAY))
  const check = () => runCommand(io => runCheck({ config: 'gateway.yaml' }, io), cwd)
  await put(join(cwd, 'own.pem'), 'own.test', 0)
  const loaded = loadConfig(join(cwd, 'gateway.yaml'))
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  const folder = foldersOf(loaded.config).acme
  mkdirSync(folder, { recursive: true })
  await put(join(folder, 'a.test.pem'), 'a.test', 8)
  t.notMatch(check().stdout, /certificate for/)
  await put(join(cwd, 'own.pem'), 'own.test', 20)
  await put(join(folder, 'a.test.pem'), 'a.test', 12)
  const { code, stdout } = check()
  t.equal(code, 0)
  t.match(stdout, /^gateway\.yaml warning: the certificate for own\.test is over since .* put a new one in its place$/m)
  t.match(
    stdout,
    /^gateway\.yaml warning: the certificate for a\.test runs out in [12] days, on .*"certificate not issued"/m,
  )
  t.match(stdout, /2 listeners, \d warnings\n$/)
})
