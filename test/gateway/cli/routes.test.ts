// biome-ignore-all lint/suspicious/noControlCharactersInRegex: colours are control characters
import t from 'tap'
import { runRoutes } from '../../../gateway/cli/routes.ts'
import { runCommand } from './support.ts'

const text = `
routes:
  - { name: rest, upstream: http://127.0.0.1:1 }
  - { name: wiki, match: { host: ["*.home.arpa", wiki.home.arpa], path: /notes }, rewrite_path: /, upstream: [http://127.0.0.1:2, { url: "http://127.0.0.1:3", weight: 2 }] }
  - { name: deep, match: { host: "*.lab.home.arpa" }, upstream: "unix:/run/app.sock" }
  - { name: top, match: { host: wiki.home.arpa }, upstream: http://127.0.0.1:4 }
  - { name: no, match: { path: /metrics }, deny: true }
`

t.test('the table is in the order in which it decides', async t => {
  const cwd = t.testdir({ 'gateway.yaml': text })
  const { code, stdout } = runCommand(io => runRoutes({ config: 'gateway.yaml' }, io), cwd)
  t.equal(code, 0)
  t.strictSame(stdout.split('\n'), [
    'HOST             PATH      ROUTE  UPSTREAM',
    '*                /metrics  no     denied (403)',
    'wiki.home.arpa   /notes    wiki   http://127.0.0.1:2, http://127.0.0.1:3 x2  path becomes /',
    'wiki.home.arpa   /         top    http://127.0.0.1:4',
    '*.lab.home.arpa  /         deep   unix:/run/app.sock',
    '*.home.arpa      /notes    wiki   http://127.0.0.1:2, http://127.0.0.1:3 x2  path becomes /',
    '*                /         rest   http://127.0.0.1:1',
    '',
  ])
})

t.test('as JSON it is the same list', async t => {
  const cwd = t.testdir({ 'gateway.yaml': text })
  const { code, stdout } = runCommand(io => runRoutes({ config: 'gateway.yaml', json: true }, io), cwd)
  t.equal(code, 0)
  const entries = JSON.parse(stdout)
  t.equal(entries.length, 6)
  t.strictSame(entries[0], {
    host: '*',
    path: '/metrics',
    route: 'no',
    deny: true,
    upstream: [],
    rewritePath: null,
    fault: null,
  })
  t.match(entries[1], {
    host: 'wiki.home.arpa',
    rewritePath: '/',
    upstream: [{ weight: 1 }, { url: 'http://127.0.0.1:3', weight: 2 }],
  })
})

t.test('a configuration with problems has no table', async t => {
  const cwd = t.testdir({ 'gateway.yaml': 'routes:\n  - { name: a }\n' })
  t.match(
    runCommand(io => runRoutes({ config: 'gateway.yaml' }, io), cwd),
    {
      code: 78,
      stdout: '',
      stderr: /^gateway\.yaml:2:5 route 'a': missing key "upstream"/,
    },
  )
})

t.test('with partial, a faulty route stands there with its reason', async t => {
  const cwd = t.testdir({ 'gateway.yaml': 'routes:\n  - { name: a, x: 1, upstream: http://a }\n' })
  const { code, stdout } = runCommand(io => runRoutes({ config: 'gateway.yaml', partial: true }, io), cwd)
  t.equal(code, 0)
  t.match(stdout, /\n\* +\/ +a +not served \(503\): line 2: unknown key "x"/)
})

t.test('colours appear on a terminal only', async t => {
  const cwd = t.testdir({ 'gateway.yaml': text })
  const list = (color: boolean) => runCommand(io => runRoutes({ config: 'gateway.yaml' }, io), cwd, { color }).stdout
  t.notMatch(list(false), /\u001b/)
  t.match(list(true), /\u001b\[31m\* +\/metrics/)
})
