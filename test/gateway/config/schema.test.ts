// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how references of the configuration are written
import { readFileSync } from 'node:fs'
import t from 'tap'
import { Check } from 'typebox/schema'
import { parse as parseYaml } from 'yaml'
import { emitSchema } from '../../../gateway/config/emit-schema.ts'
import { loadConfig } from '../../../gateway/config/load.ts'
import { parse } from './support.ts'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const schema = JSON.parse(emitSchema())
const accepts = (yaml: string) => Check(schema, parseYaml(yaml))

t.test('gateway.schema.json is what `node gateway/config/emit-schema.ts` writes', async t => {
  t.ok(read('../../../gateway.schema.json') === emitSchema(), 'run it again and commit the result')
})

t.test('the shipped configuration has no problems, no warnings, and fits the schema', async t => {
  const result = loadConfig(new URL('../../../gateway.yaml', import.meta.url).pathname, { env: {} })
  t.match(result, { ok: true, warnings: [] })
  t.match(result.ok && result.config, {
    listen: [{ host: '127.0.0.1', port: 8080 }],
    admin: { host: '127.0.0.1', port: 9900 },
  })
  t.match(result.ok && result.config.routes, [{ upstream: [{ url: 'builtin:demo' }] }])
  t.ok(accepts(read('../../../gateway.yaml')))
})

t.test('what the shipped configuration teaches in comments can be used', async t => {
  const lesson = read('../../../gateway.yaml').replaceAll(/^( *)# (?=( *)(?:- |[a-z_]+: |\{))/gm, '$1')
  const dir = t.testdir({ 'gateway.yaml': lesson })
  const result = loadConfig(`${dir}/gateway.yaml`, { env: {} })
  const problems = result.ok ? [] : result.problems.map(problem => problem.message)
  t.strictSame(
    problems.filter(message => !message.includes('no such file')),
    [],
  )
  t.match(lesson, /^ {2}- name: wiki$/m)
})

t.test('the editor accepts the full example and the spellings that the reader accepts', async t => {
  t.ok(accepts(read('./fixtures/full.yaml')))
  const spellings = [
    'cache: off',
    'cache: true',
    'cache: { stale_if_error: off, heuristic_freshness: 10%, etag: false, key: { ignore_query: all } }',
    'cache: { key: { ignore_query: [utm_*], headers: [X-A], cookies: [a], host: false } }',
    'tuner: { mode: off }',
    'tuner: { mode: false }',
    'limits: { body_size: none, websocket_idle: 0, idle_timeout: 1.5s }',
    'limits: { body_size: 10 }',
    'health: { hold: 0, probe: { path: /x } }',
    'headers: { request: { set: { X-A: 1 } } }',
    'retry: { hedge: 50ms, budget: 0.1 }',
    'admission: { max_concurrency: 3 }',
    'connection_pools: { max_size: "${MAX}" }',
    'rate_limit: { requests: 600, per: 1m, by: client }',
    'rate_limit: false',
    'security_headers: { frames: deny, referrer: off, nosniff: false }',
    'security_headers: { frames: [https://dash.home.arpa] }',
    'security_headers: true',
  ]
  for (const spelling of spellings) t.ok(accepts(`routes: [{ name: a, upstream: http://a, ${spelling} }]`), spelling)
  t.ok(
    accepts(
      'listen: [{ port: 80 }]\nroutes: [{ name: a, upstream: [http://a, { url: http://b, weight: 2 }], match: { host: [a, b] } }]',
    ),
  )
})

t.test('the editor refuses what the reader refuses', async t => {
  const mistakes = [
    'timout: 5s',
    'limits: { idle_timeout: 5 }',
    'limits: { idle_timeout: 5x }',
    'balance: random',
    'cache: maybe',
    'cache: { key: { ignore_query: some } }',
    'cache: { stale_if_error: 5 }',
    'match: { host: [] }',
  ]
  for (const mistake of mistakes) t.notOk(accepts(`routes: [{ name: a, upstream: http://a, ${mistake} }]`), mistake)
  t.notOk(accepts('listen: { port: 1 }'))
})

/** Every `properties` entry of a JSON Schema, with the path to it. */
function* propertiesOf(node: unknown, path = ''): Generator<[string, { description?: string; $ref?: string }]> {
  if (typeof node !== 'object' || node === null) return
  for (const [key, value] of Object.entries(node)) {
    if (key === 'properties')
      yield* Object.entries(value).map(([name, property]) => [`${path}.${name}`, property] as [string, object])
    yield* propertiesOf(value, key === 'properties' ? path : `${path}.${key}`)
  }
}

t.test('every key explains itself to the editor', async t => {
  const properties = [...propertiesOf(schema)]
  t.ok(properties.length > 80)
  for (const [path, { description, $ref }] of properties) t.ok((description ?? $ref ?? '').length > 5, path)
  t.notMatch(emitSchema(), /"(?:reads|inner|absent)"/)
})

t.test('the documentation names every key, and its example is sound', async t => {
  const page = read('../../../docs/configuration.md')
  const known = new Set([...propertiesOf(schema)].map(([path]) => path.slice(path.lastIndexOf('.') + 1)))
  for (const key of known) t.match(page, new RegExp(`\\b${key}\\b`), key)
  const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)]
  t.equal(examples.length, 1)
  t.match(parse(examples[0]?.[1] ?? ''), { ok: true, warnings: [] })
})
