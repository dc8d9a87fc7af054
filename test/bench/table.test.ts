import t from 'tap'
import type { WorkloadResult } from '../../bench/measure.ts'
import type { Row } from '../../bench/statistics.ts'
import { renderReport, renderWorkload } from '../../bench/table.ts'

function row(contender: string, change: Partial<Row> = {}): Row {
  return {
    contender,
    cpuMs: 0.02,
    medianCpuMs: 0.02,
    rps: 40_000,
    p50Ms: 1.234,
    p99Ms: 5.67,
    residentBytes: 13.4e6,
    upstreamShare: 1.0005,
    bytesPerRequest: 1300,
    requests: 100_000,
    errors: 0,
    storedShare: null,
    ...change,
  }
}

function workload(rows: Row[], change: Partial<WorkloadResult> = {}): WorkloadResult {
  const title = 'GET 1 KiB JSON, 50 connections'
  const base = {
    workload: 'small',
    title,
    origin: 'nginx',
    rounds: 4,
    foreignCores: 0.04,
    connections: 50,
    answerBytes: 1024,
    cache: null,
    coding: null,
  }
  return { ...base, rows, failures: [], samples: {}, ...change }
}

t.test('a table shows ratios to nginx wherever it stands', async t => {
  const text = renderWorkload(
    workload([row('haproxy', { cpuMs: 0.01 }), row('nginx'), row('hearthgate', { medianCpuMs: 0.06 })]),
  )
  t.match(text, '4 rounds, origin nginx, foreign load 0.0 cores')
  t.match(text, '| contender | CPU ms/req | x nginx | x, medians | rps | p50 ms | p99 ms | RSS MB |')
  t.match(text, '| haproxy | 0.0100 | 0.50 | 1.00 | 40000 | 1.23 | 5.7 | 13 |')
  t.match(text, '| hearthgate | 0.0200 | 1.00 | 3.00 |')
  t.match(text, 'Every request reached the origin and was answered in full; no errors.')
})

t.test('large answers get CPU seconds a GB', async t => {
  const text = renderWorkload(
    workload([row('nginx', { cpuMs: 0.5, bytesPerRequest: 1_100_000 })], { answerBytes: 1_000_000 }),
  )
  t.match(text, '| RSS MB | CPU-s/GB |')
  t.match(text, '| 13 | 0.50 |')
})

t.test('errors, cached answers, short answers and contenders that failed are named', async t => {
  const text = renderWorkload(
    workload([row('a', { errors: 8 }), row('b', { upstreamShare: 0.1 }), row('c', { bytesPerRequest: 500 })], {
      failures: [{ contender: 'd', reason: 'failed the check:\n status 404' }],
    }),
  )
  t.match(text, '- a: 8 errors or non-2xx of 100000 requests')
  t.match(text, '- b: the origin saw 0.10 requests for each answered one')
  t.match(text, '- c: 500 bytes an answer, 1024 expected')
  t.match(text, '- d is not in the table: failed the check: status 404')
  t.notMatch(text, 'Every request reached')
})

t.test('requests that the end of a load cut off are no remark, more than one a connection and round are', async t => {
  const few = (upstreamShare: number) => workload([row('x', { requests: 1000, upstreamShare })])
  t.match(renderWorkload(few(1.2)), 'Every request reached the origin')
  t.match(renderWorkload(few(1.21)), '- x: the origin saw 1.21 requests')
})

t.test('of hits not one may reach the origin', async t => {
  const hits = (upstreamShare: number) => renderWorkload(workload([row('x', { upstreamShare })], { cache: 'hit' }))
  t.match(hits(0), 'Every answer came from the cache and in full: the origin saw no request; no errors.')
  t.match(hits(0.00002), '- x: the origin saw 0.00002 requests for each answered one')
})

t.test('a 304 has no body: more bytes than a head are a remark', async t => {
  const change = { cache: 'not-modified', answerBytes: 0 } as const
  const sizes = (bytesPerRequest: number) =>
    renderWorkload(workload([row('x', { upstreamShare: 0, bytesPerRequest })], change))
  t.match(sizes(300), 'Every answer came from the cache and without a body')
  t.match(sizes(10_500), '- x: 10500 bytes an answer, 0 expected')
})

t.test('misses must have been stored, and be known to have been', async t => {
  const misses = (storedShare: number) => renderWorkload(workload([row('x', { storedShare })], { cache: 'miss' }))
  t.match(misses(0.99), 'and the answers were stored; no errors.')
  t.match(misses(0.5), '- x: 0.50 of the answers were in the cache after a round')
  t.match(misses(Number.NaN), '- x: NaN of the answers were in the cache')
})

t.test('a workload that nobody finished has remarks and no table', async t => {
  const text = renderWorkload(workload([], { failures: [{ contender: 'd', reason: 'ended with 78' }] }))
  t.match(text, 'd is not in the table: ended with 78')
  t.notMatch(text, '| contender |')
})

t.test('a report names date, machine, versions, command and what was skipped', async t => {
  const text = renderReport({
    date: '2026-11-22T10:00:00.000Z',
    command: 'npm run bench -- -w small',
    machine: {
      cpu: 'A CPU',
      cores: 2,
      memoryBytes: 8 * 1024 ** 3,
      system: 'Debian 12',
      kernel: '6.1',
      node: '24.0.0',
      commit: 'abc1234+',
      loadTool: 'wrk 4.1.0',
      pinned: true,
    },
    contenders: [{ name: 'nginx', version: '1.22.1', about: 'as a proxy' }],
    skipped: [{ name: 'caddy', reason: 'not installed (apt-get install caddy)' }],
    workloads: [workload([row('nginx')])],
  })
  for (const part of [
    '- Date: 2026-11-22T10:00:00.000Z',
    '- Machine: 2 cores (A CPU), 8 GiB; Debian 12, Linux 6.1',
    '- With: Node 24.0.0, wrk 4.1.0; contender on core 0, origin and load on core 1',
    '- Project: commit abc1234+ with changes',
    '- Command: `npm run bench -- -w small`',
    '- nginx 1.22.1: as a proxy',
    '- caddy: skipped, not installed (apt-get install caddy)',
  ]) {
    t.match(text, part)
  }
})
