import t from 'tap'
import { costOf, readCounts, tableRow } from '../../bench/redis/counts.ts'

const info = (evals: number, sets: number, cpu: string): string =>
  `# Stats\r\ntotal_net_input_bytes:${evals * 100}\r\ntotal_net_output_bytes:${evals * 10}\r\nused_cpu_sys:${cpu}\r\nused_cpu_user:0.5\r\n` +
  `# Commandstats\r\ncmdstat_eval:calls=${evals},usec=9\r\ncmdstat_hset:calls=${evals * 2},usec=1\r\n` +
  `cmdstat_set:calls=${sets},usec=1\r\ncmdstat_client|setname:calls=7,usec=1\r\ncmdstat_info:calls=3,usec=1\r\n`

t.test('what a request has cost is the difference, without housekeeping', async t => {
  const cost = costOf(readCounts(info(10, 5, '1.0')), readCounts(info(110, 55, '1.01')), 100)
  t.match(cost, { inBytes: 100, outBytes: 10 })
  t.strictSame(cost.calls, [
    ['hset', 2],
    ['eval', 1],
    ['set', 0.5],
  ])
  t.ok(Math.abs(cost.cpuMicroseconds - 100) < 0.01)
})

t.test('a row tells questions from commands inside of scripts', async t => {
  const cost = costOf(readCounts(info(0, 0, '1.0')), readCounts(info(100, 50, '1.01')), 100)
  t.equal(
    tableRow('miss', cost),
    '| miss | 1.50 | 2.00 hset, 1.00 eval, 0.50 set | 100 B | 10 B | 100 µs | 10000 a second |',
  )
})
