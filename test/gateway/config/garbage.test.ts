import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { formatProblem } from '../../../gateway/config/problem.ts'
import { parse } from './support.ts'

const sources = [
  readFileSync(new URL('./fixtures/full.yaml', import.meta.url), 'utf8'),
  readFileSync(new URL('../../../gateway.yaml', import.meta.url), 'utf8'),
]

/** A reading of a whole file takes 10 ms; HG_LONG=1 tries more of them. */
const RUNS = process.env['HG_LONG'] === '1' ? 2_000 : 150

/** A reading never throws, and everything it says has a place in the file and fits one line. */
function isOrderly(text: string, partial: boolean): boolean {
  const result = parse(text, { partial })
  const lines = text.split(/\r\n|\n|\r/).length
  const said = result.ok ? result.warnings : [...result.problems, ...result.warnings]
  if (!result.ok && result.problems.length === 0) return false
  return said.every(
    problem =>
      problem.line >= 1 &&
      problem.line <= lines &&
      problem.column >= 1 &&
      problem.message !== '' &&
      !formatProblem(problem, '/').includes('\n'),
  )
}

const snippet = fc.oneof(
  fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ':',
    '- ',
    '\n',
    '  ',
    '\t',
    '"',
    "'",
    '&a',
    '*a',
    '!!map',
    '|',
    '>',
    '#',
    '?',
    '%',
    '---\n',
    '${',
    '}',
    'null',
    '~',
    '<<: ',
    '\0',
    '\r',
    '\u2028',
    '9'.repeat(30),
  ),
  fc.constantFrom(
    'routes:',
    'match:',
    'host:',
    'deny: true',
    'cache: ',
    'tls: ',
    'listen: ',
    'name: ',
    'upstream: ',
    '__proto__: ',
    'constructor: ',
  ),
  fc.string({ maxLength: 12 }),
)

const mutation = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat({ max: 20 }), put: snippet })

t.test('a mutated file is read in an orderly way', async () => {
  const mutated = fc
    .tuple(fc.constantFrom(...sources), fc.array(mutation, { minLength: 1, maxLength: 4 }))
    .map(([source, mutations]) =>
      mutations.reduce((text, { at, cut, put }) => {
        const start = Math.floor(at * text.length)
        return text.slice(0, start) + put + text.slice(start + cut)
      }, source),
    )
  fc.assert(fc.property(mutated, fc.boolean(), isOrderly), { numRuns: RUNS })
})

t.test('random texts and random structures are read in an orderly way', async () => {
  const words = fc.array(snippet, { maxLength: 40 }).map(parts => parts.join(''))
  fc.assert(fc.property(fc.oneof(words, fc.string(), fc.string({ unit: 'binary' })), fc.boolean(), isOrderly), {
    numRuns: RUNS,
  })
  const keys = fc.constantFrom(
    'routes',
    'listen',
    'defaults',
    'match',
    'host',
    'path',
    'name',
    'upstream',
    'tls',
    'cache',
    'limits',
    'deny',
    'url',
    'x',
  )
  const { tree } = fc.letrec(tie => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.jsonValue({ maxDepth: 0 }),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(keys, tie('tree'), { maxKeys: 5 }),
    ),
  }))
  fc.assert(
    fc.property(
      tree.map(value => JSON.stringify({ routes: [value], ...(value as object) })),
      fc.boolean(),
      isOrderly,
    ),
    { numRuns: RUNS },
  )
})

t.test('hostile files are refused in bounded time', async t => {
  const hostile = [
    '['.repeat(50_000),
    '- '.repeat(25_000),
    '{a: '.repeat(25_000),
    '? '.repeat(10_000),
    '"'.repeat(25_000),
    '&a '.repeat(10_000),
    `routes: [${'{}, '.repeat(25_000)}]`,
  ]
  const before = process.cpuUsage()
  for (const text of hostile) t.ok(isOrderly(text, true), text.slice(0, 10))
  // Computing time: what other processes do meanwhile is not counted.
  t.ok(process.cpuUsage(before).user < 60e6)
})
