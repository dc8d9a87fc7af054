import t from 'tap'
import { configSchema } from '../../../gateway/config/schema.ts'
import { editDistance, explainUnknownKey, indexKeys, nearest } from '../../../gateway/config/suggest.ts'

const index = indexKeys(configSchema)

t.test('edits are counted, swapped neighbours as one', async t => {
  const cases: [string, string, number][] = [
    ['', '', 0],
    ['timeout', 'timeout', 0],
    ['timout', 'timeout', 1],
    ['tiemout', 'timeout', 1],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
  ]
  for (const [a, b, distance] of cases) {
    t.equal(editDistance(a, b), distance, `${a} ${b}`)
    t.equal(editDistance(b, a), distance, `${b} ${a}`)
  }
})

t.test('the nearest key is found blind to case and separators, or none', async t => {
  const keys = ['max_size', 'min_size', 'max_idle', 'ttl']
  t.equal(nearest('maxSize', keys), 'max_size')
  t.equal(nearest('max-idel', keys), 'max_idle')
  t.equal(nearest('tlt', keys), 'ttl')
  t.equal(nearest('weather', keys), undefined)
  t.equal(nearest('', keys), undefined)
  t.equal(nearest('x'.repeat(100_000), keys), undefined)
})

const cases: [string, readonly string[], 'top' | 'route', string][] = [
  ['timout', ['timeout', 'batch_size'], 'route', 'unknown key "timout", did you mean "timeout"'],
  [
    'timout',
    ['name', 'match'],
    'route',
    'unknown key "timout", did you mean "timeout" (which belongs in "request_optimization")',
  ],
  ['timeout', ['name', 'match'], 'route', 'unknown key "timeout" here, it belongs in "request_optimization"'],
  ['cache', ['listen'], 'top', 'unknown key "cache" here, it belongs on a route or under "defaults"'],
  ['workers', ['name'], 'route', 'unknown key "workers" here, it belongs at the top level of the file'],
  [
    'body_size',
    ['header_size'],
    'top',
    'unknown key "body_size" here, it belongs in "limits" on a route or under "defaults"',
  ],
  [
    'header_size',
    ['body_size'],
    'route',
    'unknown key "header_size" here, it belongs in "limits" at the top level of the file',
  ],
  ['backend', ['upstream', 'name'], 'route', 'unknown key "backend", did you mean "upstream"'],
  ['server_name', ['host', 'path'], 'route', 'unknown key "server_name", did you mean "host"'],
  ['frobnicate', ['host', 'path'], 'route', 'unknown key "frobnicate", expected one of "host", "path"'],
  ['constructor', ['url'], 'top', 'unknown key "constructor", expected "url"'],
]

t.test('an unknown key is told what was meant or where it belongs', async t => {
  for (const [key, known, scope, message] of cases) t.equal(explainUnknownKey(key, known, scope, index), message)
})
