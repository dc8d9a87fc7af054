import t from 'tap'
import { parseProfileArguments, parseRunArguments } from '../../bench/arguments.ts'
import { CONTENDERS, OWN_CONTENDERS, takesPart } from '../../bench/contenders/index.ts'

t.test('without arguments the default workloads and every contender run', async t => {
  const args = parseRunArguments([])!
  t.strictSame(
    args.workloads.map(({ name }) => name),
    ['small', 'one', 'large', 'post', 'hit', '304', 'miss', 'disk'],
  )
  t.strictSame(args.contenders, CONTENDERS)
  t.match(args, { rounds: 4, seconds: 4, json: null, markdown: null })
})

t.test('the gateway beside itself takes part where it is named', async t => {
  const args = parseRunArguments(['-w', 'small,hit', '-c', OWN_CONTENDERS.map(({ name }) => name).join(',')])!
  t.strictSame(args.contenders, OWN_CONTENDERS)
  for (const workload of args.workloads)
    t.ok(
      args.contenders.every(each => takesPart(each, workload)),
      workload.name,
    )
})

t.test('lists select in the order they name, options set the rest', async t => {
  const list = [
    '-w',
    'post,small',
    '-c',
    'hearthgate, nginx',
    '--rounds',
    '2',
    '--seconds',
    '1',
    '--json',
    'a',
    '--md',
    'b',
  ]
  const args = parseRunArguments(list)!
  t.strictSame(
    [args.workloads, args.contenders].map(selected => selected.map(({ name }) => name)),
    [
      ['post', 'small'],
      ['hearthgate', 'nginx'],
    ],
  )
  t.match(args, { rounds: 2, seconds: 1, json: 'a', markdown: 'b' })
})

t.test('unknown names and senseless numbers are refused with what would do', async t => {
  t.throws(() => parseRunArguments(['-w', 'tiny']), /no workload "tiny"; there are: small, one/)
  t.throws(() => parseRunArguments(['-c', 'apache']), /no contender "apache"/)
  for (const value of ['0', '1.5', 'x', ''])
    t.throws(() => parseRunArguments([`--rounds=${value}`]), /--rounds must be/, value)
  t.throws(() => parseRunArguments(['--round', '3']))
})

t.test('help is asked for with -h', async t => {
  t.equal(parseRunArguments(['-h']), null)
  t.equal(parseProfileArguments(['--help']), null)
})

t.test('the profile is of the gateway under the small workload unless another is named', async t => {
  t.match(parseProfileArguments([]), {
    workload: { name: 'small' },
    contender: { name: 'hearthgate' },
    seconds: 5,
    top: 30,
  })
  t.match(parseProfileArguments(['-w', 'large', '--top', '5']), { workload: { name: 'large' }, top: 5 })
})
