/** CPU time and memory of process trees and of the whole machine, from Linux's /proc (proc(5)). */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessStat {
  readonly pid: number
  readonly parent: number
  /** User and system time, its own and that of children that have ended and been waited for. Clock ticks. */
  readonly cpuTicks: number
  /** Resident set, pages. */
  readonly residentPages: number
  /** Ticks after boot: with the pid, it names a process for good. */
  readonly startTicks: number
}

export interface TreeUse {
  readonly cpuSeconds: number
  readonly residentBytes: number
}

/**
 * Reads one line of /proc/PID/stat. The command name stands in brackets and may itself hold spaces and brackets, so
 * fields are counted from the last closing one. Null for text that is no such line.
 */
export function parseProcessStat(text: string): ProcessStat | null {
  const nameEnd = text.lastIndexOf(')')
  if (nameEnd === -1) return null
  const fields = text.slice(nameEnd + 2).split(' ')
  // proc(5) numbers fields from 1; what follows the name begins with field 3.
  const field = (number: number) => Number(fields[number - 3])
  const stat = {
    pid: Number.parseInt(text, 10),
    parent: field(4),
    cpuTicks: field(14) + field(15) + field(16) + field(17),
    residentPages: field(24),
    startTicks: field(22),
  }
  return Object.values(stat).every(Number.isFinite) ? stat : null
}

/** Busy ticks of all cores from /proc/stat: everything but idle and iowait; guest time is already part of user time. */
export function parseBusyTicks(text: string): number {
  const line = text.split('\n').find(candidate => candidate.startsWith('cpu ')) ?? ''
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/ +/)
    .slice(1)
    .map(Number)
  return user + nice + system + irq + softirq + steal
}

/** A process and all its descendants among `stats`; empty where the root is not there. */
export function selectTree(stats: readonly ProcessStat[], root: number): ProcessStat[] {
  const children = Map.groupBy(stats, stat => stat.parent)
  const tree = stats.filter(stat => stat.pid === root)
  for (const stat of tree) tree.push(...(children.get(stat.pid) ?? []))
  return tree
}

/** Every process that can be read now. One that ends meanwhile is left out. */
export function readProcesses(): ProcessStat[] {
  const stats: ProcessStat[] = []
  for (const name of readdirSync('/proc')) {
    if (!Number.isInteger(Number(name))) continue
    const stat = readProcess(Number(name))
    if (stat !== null) stats.push(stat)
  }
  return stats
}

/** One process; null where it has ended. */
export function readProcess(pid: number): ProcessStat | null {
  try {
    return parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return null
  }
}

/** CPU seconds since each process's start and resident bytes now, of a tree among `stats`. */
export function sumTree(stats: readonly ProcessStat[], root: number): TreeUse {
  const tree = selectTree(stats, root)
  return {
    cpuSeconds: tree.reduce((sum, stat) => sum + stat.cpuTicks, 0) / ticksPerSecond(),
    residentBytes: tree.reduce((sum, stat) => sum + stat.residentPages, 0) * pageBytes(),
  }
}

/** CPU seconds that the whole machine has been busy since boot. */
export function readBusySeconds(): number {
  return parseBusyTicks(readFileSync('/proc/stat', 'latin1')) / ticksPerSecond()
}

const systemValues = new Map<string, number>()

function systemValue(name: string): number {
  let value = systemValues.get(name)
  if (value === undefined) {
    value = Number(execFileSync('getconf', [name], { encoding: 'utf8', timeout: 5000 }))
    systemValues.set(name, value)
  }
  return value
}

const ticksPerSecond = () => systemValue('CLK_TCK')
const pageBytes = () => systemValue('PAGESIZE')
