/** What must hold for every path, tried on generated ones against ordinary normalisers and a naive route table. */
import fc from 'fast-check'
import t from 'tap'
import { compileRoutes, matchesHost, parseHostPattern, type RoutingRule } from '../../../gateway/routing/index.ts'
import { aRule, rules } from './rules.ts'

type Step = (path: string) => string

/** The steps that servers take on a path; each server has its own order and leaves some out. */
const STEPS: Readonly<Record<string, Step>> = {
  decode: path => path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  decodeSlashes: path => path.replace(/%2f/gi, '/'),
  decodeBackslashes: path => path.replace(/%5c/gi, '\\'),
  backslashes: path => path.replaceAll('\\', '/'),
  collapse: path => path.replace(/\/+/g, '/'),
  cut: path => path.replace(/;[^/]*/g, ''),
  dots: resolveDots,
}

function resolveDots(path: string): string {
  const segments: string[] = []
  const parts = path.split('/').slice(1)
  for (const part of parts) {
    if (part === '..') segments.pop()
    else if (part !== '.') segments.push(part)
  }
  const last = parts.at(-1)
  return `/${segments.join('/')}${(last === '.' || last === '..') && segments.length > 0 ? '/' : ''}`
}

// A server decodes at most once: the pieces of `decode` come before it, if at all.
const normaliser = fc
  .shuffledSubarray(Object.keys(STEPS))
  .filter(names => !names.includes('decode') || !names.some((name, at) => isLatePiece(names, name, at)))

function isLatePiece(names: readonly string[], name: string, at: number): boolean {
  return name.startsWith('decode') && name !== 'decode' && at > names.indexOf('decode')
}

function normalise(path: string, steps: readonly string[]): string {
  return steps.reduce((text, name) => STEPS[name]?.(text) ?? text, path)
}

const PIECES = [
  '/',
  '/',
  '//',
  '\\',
  '%2f',
  '%2F',
  '%5c',
  '.',
  '..',
  '%2e',
  '%2E.',
  ';',
  ';x',
  '%3b',
  '%',
  '%25',
  '%252f',
]
/** More with HG_LONG=1. */
const RUNS = process.env['HG_LONG'] === '1' ? 20_000 : 6_000
const NAMES = ['secret', '%73ecret', 'secre%74', 'app', '%61pp', 'base', 'pub', 'x']
const oddPath = fc
  .array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...PIECES) }, fc.constantFrom(...NAMES)), {
    maxLength: 12,
    size: 'max',
  })
  .map(pieces => `/${pieces.join('')}`)

const hasDots = (path: string) => /[/\\](\.|%2e){1,2}($|[/\\;])/i.test(path)
const isUnder = (path: string, prefix: string) => path === prefix || path.startsWith(`${prefix}/`)

t.test('what any ordinary server takes for a denied path is denied or refused', async t => {
  const table = compileRoutes(rules({ path: '/' }, { path: '/app' }, { path: '/secret', deny: true }))
  let reached = 0
  fc.assert(
    fc.property(oddPath, normaliser, (path, steps) => {
      const match = table.match('a.test', path)
      const reading = normalise(path, steps)
      // A reading with dot segments left is not an answer yet: `/secret/..` is not under /secret.
      const isSecret = isUnder(reading, '/secret') && !hasDots(reading)
      if (isSecret) reached += 1
      if (match.kind !== 'route') return true
      return !isSecret && !isUnder(normalise(match.path, steps), '/secret')
    }),
    { numRuns: RUNS },
  )
  t.ok(reached > RUNS / 200, `${reached} paths led to the secret`)
})

t.test('a mounted upstream never gets a path that leaves its base', async t => {
  const table = compileRoutes(rules({ path: '/app', rewrite: '/base' }))
  let reached = 0
  fc.assert(
    fc.property(oddPath, normaliser, (rest, steps) => {
      const match = table.match('a.test', `/app${rest}`)
      if (match.kind !== 'route') return true
      reached += 1
      return isUnder(match.path, '/base') && isUnder(normalise(match.path, steps), '/base')
    }),
    { numRuns: RUNS },
  )
  t.ok(reached > RUNS / 20, `${reached} paths were mounted`)
})

t.test('no reading of a path belongs to another route than the one that got it', async () => {
  const table = compileRoutes(rules({ name: 'root' }, { name: 'app', path: '/app' }, { name: 'x', path: '/app/x' }))
  fc.assert(
    fc.property(oddPath, normaliser, (path, steps) => {
      const match = table.match('a.test', path)
      if (match.kind !== 'route' || match.route.name === 'x') return true
      const reading = normalise(match.path, steps)
      return !isUnder(reading, '/app/x') && (match.route.name === 'app' || !isUnder(reading, '/app'))
    }),
    { numRuns: RUNS },
  )
})

t.test('a path without dot segments goes upstream byte for byte', async () => {
  const table = compileRoutes(rules({ path: '/' }))
  const character = fc.integer({ min: 0x21, max: 0xff }).map(code => String.fromCharCode(code))
  const segment = fc.string({ unit: fc.oneof(character, fc.constantFrom('.', '%', '%2f', '%5C', ';', '/', '\\')) })
  fc.assert(
    fc.property(segment, text => {
      const path = `/${text}`
      fc.pre(!hasDots(normalise(path, ['decode'])))
      const match = table.match('a.test', path)
      return match.kind === 'route' && match.path === path
    }),
    { numRuns: RUNS / 2 },
  )
})

/** The rules as the contract words them, by looking at every route. */
function matchNaively(routes: readonly RoutingRule[], host: string, path: string): string {
  const fitting = routes.flatMap((route, index) =>
    route.match.hosts.flatMap(text => {
      const pattern = parseHostPattern(text)
      const prefix = route.match.path.replace(/\/$/, '')
      if (pattern === null || !matchesHost(pattern, host) || !isUnder(path, prefix)) return []
      const rank = { exact: 1000, wildcard: pattern.name.length, any: 0 }[pattern.kind]
      return [{ route, index, rank, length: prefix.length }]
    }),
  )
  if (fitting.some(({ route }) => route.deny)) return 'denied'
  fitting.sort((a, b) => b.rank - a.rank || b.length - a.length || a.index - b.index)
  return fitting[0] === undefined ? 'none' : `route ${fitting[0].route.name}`
}

t.test('the table finds what a search through all routes finds, in any spelling of the path', async () => {
  const names = fc.array(fc.constantFrom('a', 'b', 'cc', 'dd-d'), { maxLength: 4 })
  const path = names.map(parts => `/${parts.join('/')}`)
  const hostName = fc.constantFrom('n.test', 'm.n.test', 'k.m.n.test', 'o.test')
  const hostText = fc.oneof(
    hostName,
    hostName.map(name => `*.${name}`),
    fc.constantFrom('*', '*.test'),
  )
  const route = fc.record({ host: fc.array(hostText, { minLength: 1, maxLength: 2 }), path, isDeny: fc.nat(9) })
  fc.assert(
    fc.property(fc.array(route, { maxLength: 12 }), hostName, path, (texts, host, path) => {
      const routes = texts.map(({ host, path, isDeny }, index) =>
        aRule({ name: `r${index}`, host, path, deny: isDeny === 0 }),
      )
      const table = compileRoutes(routes)
      const expected = matchNaively(routes, host, path)
      for (const spelling of [path, path.replace('a', '%61'), `/.${path}`, path.replace('/', '//')]) {
        const match = table.match(host, spelling)
        const found = match.kind === 'route' ? `route ${match.route.name}` : match.kind
        if (found !== expected) return false
      }
      return table.explain(host, path).considered.filter(({ verdict }) => verdict === 'won').length <= 1
    }),
    { numRuns: 3000 },
  )
})
