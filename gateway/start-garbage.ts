/**
 * Gives back what only the start needed: texts that were parsed, syntax trees, code that runs once. Left alone V8 keeps it, since
 * an idle process allocates too little for a collection.
 */
import { performance } from 'node:perf_hooks'
import { collector } from './garbage-bound.ts'

/** After the start; whoever waited for it has asked by then. */
const AFTER_MS = 2_000
/** Share of the time since then that the process may have worked and still counts as idle. */
const IDLE_SHARE = 0.05

/**
 * Collects once, and only where nothing was to do meanwhile: it takes 40 ms, and takes compiled code away too, which a process
 * with visitors has just made. Resolves to whether it did.
 */
export function collectStartGarbage(afterMs = AFTER_MS): Promise<boolean> {
  const before = performance.eventLoopUtilization()
  return new Promise(resolve => {
    setTimeout(() => {
      const isIdle = performance.eventLoopUtilization(before).utilization < IDLE_SHARE
      if (isIdle) collector()({ type: 'major', flavor: 'last-resort' })
      resolve(isIdle)
    }, afterMs).unref()
  })
}
