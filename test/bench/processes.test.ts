import { readFileSync } from 'node:fs'
import t from 'tap'
import { readProcesses, selectTree } from '../../bench/proc-stat.ts'
import { Children } from '../../bench/processes.ts'

const skip = process.platform === 'linux' ? false : 'needs /proc'

/** False for a zombie too: whoever inherits an orphan may be slow to wait for it. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

/** A process that ignores SIGTERM and has a child that does so too; prints the child's pid. */
const STUBBORN = `
  process.on('SIGTERM', () => {})
  const idle = "process.on('SIGTERM', () => {}); console.log('up'); setTimeout(() => {}, 30_000)"
  const child = require('node:child_process').spawn(process.execPath, ['-e', idle])
  child.stdout.once('data', () => console.log(child.pid))
  setTimeout(() => {}, 30_000)`

t.test('a process that will not end is killed with its children', { skip }, async t => {
  const children = new Children(100)
  t.teardown(() => children.killAll())
  const child = await children.start('stubborn', { file: process.execPath, args: ['-e', STUBBORN] })
  while (child.stdout() === '' && !child.hasEnded()) await new Promise(setImmediate)
  const grandchild = Number(child.stdout())
  t.ok(selectTree(readProcesses(), child.pid).some(({ pid }) => pid === grandchild))
  await children.stop(child)
  t.equal(await child.ended, 'SIGKILL')
  t.notOk(isRunning(child.pid))
  while (isRunning(grandchild)) await new Promise(setImmediate)
})

t.test('a command that fails or cannot be run is an error with its own words', { skip }, async t => {
  const children = new Children()
  const failing = { file: process.execPath, args: ['-e', 'console.error("no such luck"); process.exit(3)'] }
  await t.rejects(children.run('failing', failing, 20_000), /failing ended with 3: no such luck/)
  await t.rejects(children.run('missing', { file: '/nowhere/at/all', args: [] }, 20_000), /ENOENT/)
  const idle = { file: process.execPath, args: ['-e', 'setTimeout(() => {}, 30_000)'] }
  await t.rejects(children.run('idle', idle, 100), /idle ran longer than 100 ms/)
})
