import t from 'tap'
import { aboutOf, CONTENDERS, launchFor, takesPart } from '../../bench/contenders/index.ts'
import { WORKLOADS, type Workload } from '../../bench/workloads.ts'

const workloadNamed = (name: string): Workload => WORKLOADS.find(workload => workload.name === name)!
const contenderNamed = (name: string) => CONTENDERS.find(contender => contender.name === name)!
const SETTING = { directory: '/tmp/x', port: 1, originPort: 2, tls: null }

/** The only file that a contender's launch writes. */
function configurationOf(contender: string, workload: string): string {
  return String([...launchFor(contenderNamed(contender), workloadNamed(workload), SETTING).files.values()][0])
}

const CACHES = ['nginx', 'haproxy', 'varnish', 'squid', 'hearthgate', 'hearthgate-disk']

for (const [workload, expected] of [
  ['hit', CACHES],
  ['304', CACHES],
  ['miss', CACHES],
  ['disk', ['nginx', 'varnish', 'hearthgate-disk']],
] as const) {
  t.test(`${workload} is for those who can hold its answers where it wants them`, async t => {
    const takers = CONTENDERS.filter(contender => takesPart(contender, workloadNamed(workload)))
    t.strictSame(
      takers.map(({ name }) => name),
      expected,
    )
  })
}

t.test('what is only a cache takes no part in plain proxying', async t => {
  const takers = CONTENDERS.filter(contender => takesPart(contender, workloadNamed('small'))).map(({ name }) => name)
  for (const name of ['varnish', 'squid', 'hearthgate-disk']) t.notOk(takers.includes(name), name)
  for (const name of ['nginx', 'caddy', 'hearthgate', 'hearthgate-log']) t.ok(takers.includes(name), name)
  t.throws(
    () => launchFor(contenderNamed('varnish'), workloadNamed('small'), SETTING),
    /varnish takes no part in small/,
  )
})

for (const [workload, expected] of [
  ['gzip', ['nginx', 'caddy', 'hearthgate', 'fastify-compress']],
  ['zstd', ['caddy', 'hearthgate', 'fastify-compress']],
  ['hit-gzip', ['nginx', 'varnish', 'hearthgate']],
] as const) {
  t.test(`${workload} is for those who encode with it`, async t => {
    const takers = CONTENDERS.filter(contender => takesPart(contender, workloadNamed(workload)))
    t.strictSame(
      takers.map(({ name }) => name),
      expected,
    )
  })
}

t.test('a rival encodes only where the workload asks for it', async t => {
  t.match(configurationOf('caddy', 'zstd'), 'encode zstd gzip')
  t.notMatch(configurationOf('caddy', 'small'), 'encode')
  t.match(configurationOf('nginx', 'gzip'), 'gzip on;')
  t.notMatch(configurationOf('nginx', 'small'), 'gzip')
  t.match(configurationOf('varnish', 'hit-gzip'), 'do_gzip')
  t.match(configurationOf('nginx', 'hit-gzip'), /gzip on;[\s\S]*proxy_cache bench/)
  t.match(aboutOf(contenderNamed('caddy'), [workloadNamed('gzip')]), /^encoding: /)
})

t.test('a contender has its cache on only where the workload is about caches', async t => {
  t.match(configurationOf('nginx', 'hit'), 'proxy_cache bench')
  t.notMatch(configurationOf('nginx', 'small'), 'proxy_cache')
  t.match(configurationOf('haproxy', 'hit'), 'cache-use bench')
  t.notMatch(configurationOf('haproxy', 'small'), 'cache')
  t.match(configurationOf('hearthgate', 'hit'), 'store: memory')
  t.notMatch(configurationOf('hearthgate', 'small'), 'store')
})

t.test('for hits from disk the memory in front is too small for the body', async t => {
  t.match(configurationOf('hearthgate-disk', 'disk'), 'memory: 4MiB')
  t.match(configurationOf('hearthgate-disk', 'hit'), 'memory: 64MiB')
  t.match(launchFor(contenderNamed('varnish'), workloadNamed('disk'), SETTING).command.args.join(' '), '-s file,')
  t.match(launchFor(contenderNamed('varnish'), workloadNamed('hit'), SETTING).command.args.join(' '), '-s malloc,')
})

t.test('the notes say what a contender stood for in the workloads that ran', async t => {
  const nginx = contenderNamed('nginx')
  t.notMatch(aboutOf(nginx, [workloadNamed('small')]), 'as a cache')
  t.match(aboutOf(nginx, [workloadNamed('hit')]), /^as a cache: /)
  t.match(aboutOf(nginx, [workloadNamed('small'), workloadNamed('hit')]), /^`proxy_pass`.*; as a cache: /)
  t.equal(aboutOf(contenderNamed('caddy'), [workloadNamed('hit')]), '')
})
