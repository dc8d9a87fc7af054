/**
 * Keeps the memory of large transfers flat. V8 looks at buffers outside its heap only when 64 MiB of them have come since
 * the last collection, so a fast download would keep that much dead data around. A minor collection after a fixed number
 * of bytes costs about a millisecond for each 16 MiB that passed, and nothing when nothing large passes.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Body bytes between two collections. */
export const COLLECT_EVERY_BYTES = 16 * 1024 ** 2

/** A counter to be told of body bytes; collects by itself. */
export function garbageBound(): (count: number) => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void
  let passed = 0
  return count => {
    passed += count
    if (passed < COLLECT_EVERY_BYTES) return
    passed = 0
    collect({ type: 'minor' })
  }
}
