import { readFileSync } from 'node:fs'
import t from 'tap'
import { emitPresets, page } from '../../../gateway/config/emit-presets.ts'
import { findPreset, presetNames, readPreset } from '../../../gateway/config/presets.ts'
import { configOf, problemLines, routeOf, warningLines, withRoute } from './support.ts'

t.test('a preset lies over the defaults and under the route', async t => {
  const route = routeOf(
    `defaults: { limits: { idle_timeout: 1s, connect_timeout: 9s } }\n${withRoute('preset: immich', 'limits: { response_timeout: 5s }')}`,
  )
  t.match(route.limits, { idleTimeoutMs: 600_000, connectTimeoutMs: 9000, responseTimeoutMs: 5000, bodySize: null })
  t.match(route.cache, { never: ['/api'], maxObjectSize: 8 * 1024 * 1024 })
  t.strictSame(route.slo, { goodMs: 300, badMs: 2000 })
  t.match(route.admission, { priority: 'interactive' })
})

t.test('lists of a route replace those of its preset', async t => {
  const { cache, redact } = routeOf(withRoute('preset: immich', 'cache: { never: [] }', 'redact: [x]'))
  t.match(cache, { never: [], immutable: ['/_app/immutable'] })
  t.strictSame(redact, ['x'])
})

t.test('what the defaults switch off stays off, unless the route itself sets it', async t => {
  const off = 'defaults: { cache: false }\n'
  t.equal(routeOf(`${off}${withRoute('preset: immich')}`).cache, false)
  t.match(routeOf(`${off}${withRoute('preset: immich', 'cache: { variants: 3 }')}`).cache, { variants: 3 })
})

t.test('without a preset there is none of it', async t => {
  t.match(routeOf(withRoute()), { preset: null, redirects: {}, redact: [], webdav: { destination: 'rewrite' } })
})

t.test('an unknown name is refused with the nearest one, or with all of them', async t => {
  t.strictSame(problemLines(withRoute('preset: nextclod')), [
    '4:13 route \'wiki\': "preset": no preset is called "nextclod", did you mean "nextcloud"',
  ])
  t.match(problemLines(withRoute('preset: "zzzzzzzzzz"'))[0], /there are adguard-home, audiobookshelf, /)
})

t.test('a door of an app without a login draws a warning', async t => {
  const text = 'routes:\n  - { name: cams, upstream: http://10.0.0.9:5000, preset: frigate }\n'
  t.match(warningLines(text), [
    /^2:29 warning: route 'cams': http:\/\/10\.0\.0\.9:5000: this port of Frigate has no login/,
  ])
  t.strictSame(warningLines(text.replace('5000', '8971')), [])
})

t.test('every preset is read, names its sources and keeps a contract', async t => {
  for (const name of presetNames()) {
    const preset = findPreset(name)
    t.ok((preset?.contract.length ?? 0) >= 3, name)
    t.ok(
      preset?.contract.some(({ source }) => source.startsWith('https://')),
      name,
    )
    t.doesNotThrow(() => configOf(withRoute(`preset: ${name}`)), name)
  }
})

const minimal = 'preset: x\nversion: 1\ntitle: X\nsources: { a: https://a.test }\nroute: {}\ncontract: []\n'

const broken: [title: string, text: string, message: RegExp][] = [
  ['an unknown key', minimal.replace('route: {}', 'route: { limit: {} }'), /line 5: unknown key "limit"/],
  ['another name than its file', minimal.replace('preset: x', 'preset: y'), /calls itself y/],
  [
    'a source without a page',
    minimal.replace('[]', '[{ rule: r, source: b, promise: sends }]'),
    /no source is called b/,
  ],
  ['a promise without a test', minimal.replace('[]', '[{ rule: r, source: a, promise: pleases }]'), /"promise"/],
  ['no contract', minimal.replace('contract: []\n', ''), /missing key "contract"/],
  ['no YAML', '{', /preset x: /],
]

for (const [title, text, message] of broken) {
  t.test(`a preset with ${title} is not taken`, async t => {
    t.throws(() => readPreset(text, 'x'), message)
  })
}

t.test('the tables of the documentation are those of the presets', async t => {
  const text = readFileSync(page, 'utf8')
  t.equal(text, emitPresets(text), 'write it anew: node gateway/config/emit-presets.ts')
})
