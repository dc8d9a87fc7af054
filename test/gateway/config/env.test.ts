// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how references of the configuration are written
import t from 'tap'
import { expandEnvironment } from '../../../gateway/config/env.ts'
import { configOf, problemLines, withRoute } from './support.ts'

const env = { HOST: 'wiki', EMPTY: '', PORT: '3000', SECRET: '12345678901234567890', NESTED: '${HOST}', ON: 'true' }

t.test('references are replaced, escaped ones are not', async t => {
  const cases: [string, string][] = [
    ['${HOST}', 'wiki'],
    ['http://${HOST}:${PORT}/', 'http://wiki:3000/'],
    ['${MISSING:-x}', 'x'],
    ['${EMPTY:-x}', 'x'],
    ['${EMPTY}', ''],
    ['${MISSING:-}', ''],
    ['$${HOST}', '${HOST}'],
    ['$HOST $ $$', '$HOST $ $$'],
    ['${NESTED}', '${HOST}'],
  ]
  for (const [text, expected] of cases) t.match(expandEnvironment(text, env), { ok: true, text: expected }, text)
})

t.test('a variable that is not set is named', async t => {
  t.match(expandEnvironment('${MISSING}', env), {
    ok: false,
    problem: /variable MISSING is not set.*\$\{MISSING:-default\}/,
  })
  t.match(expandEnvironment('${toString}', env), { ok: false, problem: /toString is not set/ })
  for (const text of ['${', 'a ${HOST', '${}', '${1A}', '${A B}', '${HOST-x}'])
    t.equal(expandEnvironment(text, env).ok, false, text)
})

t.test('a reference is a number, a boolean or a text, as the key asks for', async t => {
  const text = `
listen: { port: "\${PORT}" }
admin: { token: "\${SECRET}" }
routes:
  - name: a
    upstream: http://\${HOST}:\${PORT}
    protocol: { keep_alive: "\${ON}", http2_enabled: "\${OFF:-false}" }
    limits:
      body_size: \${LIMIT:-5MB}
`
  const config = configOf(text, { env })
  t.equal(config.listen[0]?.port, 3000)
  t.equal(config.admin.token, env.SECRET)
  t.equal(config.routes[0]?.upstream[0]?.url, 'http://wiki:3000')
  t.match(config.routes[0]?.protocol, { keepAlive: true, http2Enabled: false })
  t.equal(config.routes[0]?.limits.bodySize, 5_000_000)
})

t.test('the problem stands where the reference stands', async t => {
  t.strictSame(problemLines(withRoute('rewrite_path: "/${BASE}"')), [
    '4:19 route \'wiki\': "rewrite_path": the environment variable BASE is not set: set it, or write ${BASE:-default}',
  ])
})

t.test('a bare reference inside braces is explained', async t => {
  const [line] = problemLines('listen: { port: ${PORT} }\nroutes: []\n', { env })
  t.match(line, /^1:\d+ not valid YAML: .*\(inside \{ \} and \[ \] write "\$\{NAME\}" in quotes\)$/)
})
