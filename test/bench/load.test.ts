import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { H2LOAD_LOG_FILE, loadFiles, ownLoop, parseH2load, parseWrk, toolFor, wrk } from '../../bench/load.ts'
import { parseStubStatus } from '../../bench/origin.ts'
import { ENTITY_TAG, WORKLOADS } from '../../bench/workloads.ts'

const WRK = `Running 4s test @ http://127.0.0.1:8080/small.json
  1 threads and 50 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   734.12us    1.03ms  12.65ms   88.52%
    Req/Sec    62.01k     1.12k   63.50k    75.00%
  Latency Distribution
     50%  670.00us
     75%    1.05ms
     90%    1.21ms
     99%    1.53s 
  246912 requests in 4.10s, 301.41MB read
Requests/sec:  60222.44
Transfer/sec:     73.51MB
`

t.test('what wrk prints is read with its units', async t => {
  t.strictSame(parseWrk(WRK.replace('1.53s ', '1.53s')), {
    requests: 246912,
    seconds: 4.1,
    bytes: 301.41 * 1024 ** 2,
    p50Ms: 0.67,
    p99Ms: 1530,
    socketErrors: 0,
    badStatuses: 0,
  })
})

t.test('errors that wrk saw are counted', async t => {
  const errors = '  Socket errors: connect 1, read 20, write 300, timeout 4000\n  Non-2xx or 3xx responses: 77\n'
  t.match(parseWrk(WRK.replace('Requests/sec', `${errors}Requests/sec`)), { socketErrors: 4321, badStatuses: 77 })
})

t.test('percentiles that are missing are not a number, a missing total throws', async t => {
  t.ok(Number.isNaN(parseWrk('  0 requests in 4.00s, 0.00B read').p99Ms))
  t.throws(() => parseWrk('unable to connect'), /unable to connect/)
})

t.test('only a workload with a body needs files for its load', async t => {
  const posting = WORKLOADS.find(({ name }) => name === 'post')!
  const files = loadFiles(posting, '/tmp/x')
  t.equal(files.get('load-body'), posting.requestBody)
  t.match(files.get('load.lua'), '"/tmp/x/load-body"')
  t.equal(loadFiles(WORKLOADS[0]!, '/tmp/x').size, 0)
})

t.test('a load of misses counts its URLs up, one of conditional hits names the tag it has', async t => {
  const run = (name: string) => {
    const workload = WORKLOADS.find(candidate => candidate.name === name)!
    return { workload, url: 'http://127.0.0.1:1/page.html?load=1-', seconds: 1, directory: '/tmp/x' }
  }
  t.match(loadFiles(run('miss').workload, '/tmp/x').get('load.lua'), 'wrk.path .. number')
  t.match(wrk.command(run('miss')).args.join(' '), '-s /tmp/x/load.lua')
  t.match(wrk.command(run('304')).args.join(' '), `-H if-none-match: ${ENTITY_TAG} http:`)
  t.match(JSON.parse(ownLoop.command(run('miss')).args[1]!), { counts: true, headers: {} })
  t.match(JSON.parse(ownLoop.command(run('304')).args[1]!), { counts: false, headers: { 'if-none-match': ENTITY_TAG } })
})

t.test('the third figure of nginx’s status page is the number of requests', async t => {
  const page =
    'Active connections: 2 \nserver accepts handled requests\n 11 12 345 \nReading: 0 Writing: 1 Waiting: 1 \n'
  t.equal(parseStubStatus(page), 345)
  t.ok(Number.isNaN(parseStubStatus('404')))
})

const H2LOAD = `Application protocol: h2

finished in 2.50s, 800.00 req/s, 1.00MB/s
requests: 2000 total, 2004 started, 2000 done, 1998 succeeded, 2 failed, 1 errored, 1 timeout
status codes: 1990 2xx, 0 3xx, 3 4xx, 5 5xx
traffic: 2.00MB (2097152) total, 10.00KB (10240) headers (space savings 90.00%), 1.90MB (1992294) data
`

t.test('what h2load prints and logs is read together', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-load-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const lines = Array.from({ length: 100 }, (_, i) => `1700000000000000\t200\t${(i + 1) * 1_000}`)
  writeFileSync(join(folder, H2LOAD_LOG_FILE), `${lines.join('\n')}\n`)
  t.strictSame(parseH2load(H2LOAD, folder), {
    requests: 1998,
    seconds: 2.5,
    bytes: 2097152,
    p50Ms: 50,
    p99Ms: 99,
    socketErrors: 2,
    badStatuses: 8,
  })
  t.throws(() => parseH2load(H2LOAD.replace('protocol: h2', 'protocol: http/1.1'), folder), /no result over HTTP\/2/)
})

t.test('a workload gets the load that can do it', async t => {
  const named = (name: string) => WORKLOADS.find(workload => workload.name === name)!
  t.equal(toolFor(named('small'), wrk), wrk)
  t.equal(toolFor(named('rate'), wrk).name, 'open-loop.ts')
  t.equal(toolFor(named('h2'), wrk).name, 'h2load')
})
