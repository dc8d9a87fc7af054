import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import {
  parseBusyTicks,
  parseProcessStat,
  readBusySeconds,
  readProcesses,
  selectTree,
  sumTree,
} from '../../bench/proc-stat.ts'

const TAIL = '0 -1 4194560 100 200 3 4 70 30 5 2 20 0 1 0 9876 12345678 321 18446744073709551615'

t.test('a line of /proc/PID/stat gives parent, CPU time with that of ended children, pages and start', async t => {
  t.strictSame(parseProcessStat(`42 (nginx) S 7 42 42 ${TAIL}\n`), {
    pid: 42,
    parent: 7,
    cpuTicks: 107,
    residentPages: 321,
    startTicks: 9876,
  })
})

t.test('a command name with spaces and brackets does not move the fields', async t => {
  t.match(parseProcessStat(`42 (a) S 1 (b c) R 7 42 42 ${TAIL}`), { pid: 42, parent: 7, cpuTicks: 107 })
})

t.test('what is no such line gives null', async t => {
  for (const text of ['', 'nonsense', '42 (nginx) S 7', '42 (nginx) S x 42 42'])
    t.equal(parseProcessStat(text), null, text)
})

t.test('busy ticks leave out idle, iowait and guest time', async t => {
  t.equal(
    parseBusyTicks('cpu  1 20 300 99999 88888 4000 50000 600000 7000000 80000000\ncpu0 9 9 9 9 9 9 9 9 9 9\n'),
    654321,
  )
})

t.test('a tree is the root with all its descendants and nothing else', async t => {
  const stat = (pid: number, parent: number) => ({ pid, parent, cpuTicks: 1, residentPages: 1, startTicks: 1 })
  const stats = [stat(13, 12), stat(1, 0), stat(10, 1), stat(11, 10), stat(12, 11), stat(20, 1)]
  const pids = (root: number) =>
    selectTree(stats, root)
      .map(({ pid }) => pid)
      .sort()
  t.strictSame(pids(10), [10, 11, 12, 13])
  t.strictSame(pids(20), [20])
  t.strictSame(pids(99), [])
})

t.test(
  'on this machine: a child that works is seen in its parent’s tree and in the busy time',
  { skip: process.platform === 'linux' ? false : 'needs /proc' },
  async t => {
    const busyBefore = readBusySeconds()
    const spin = 'const end = Date.now() + 20_000; while (process.cpuUsage().user < 2e5 && Date.now() < end);'
    const child = spawn(process.execPath, ['-e', `${spin} console.log(1); setTimeout(() => {}, 20_000)`])
    t.teardown(() => child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    const processes = readProcesses()
    const own = sumTree(processes, child.pid!)
    t.ok(own.cpuSeconds >= 0.15, `the child used ${own.cpuSeconds} s`)
    t.ok(own.residentBytes > 10e6, `it holds ${own.residentBytes} bytes`)
    t.ok(sumTree(processes, process.pid).cpuSeconds > own.cpuSeconds, 'the parent’s tree holds the child’s time')
    t.ok(readBusySeconds() - busyBefore >= 0.15)
  },
)
