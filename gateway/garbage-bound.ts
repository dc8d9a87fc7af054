/**
 * Keeps the memory of large transfers flat. V8 looks at buffers outside its heap only when 64 MiB of them have come since
 * the last collection, so a fast download would keep that much dead data around. A minor collection after a fixed number
 * of bytes costs about a millisecond for each 16 MiB that passed, and nothing when nothing large passes.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Body bytes between two collections. */
export const COLLECT_EVERY_BYTES = 16 * 1024 ** 2

/**
 * How far the heap may grow over what is alive before all of it is collected. Left alone, V8 takes a limit so low after
 * some idle seconds that the buffers of a stream of large bodies reach it every 50 ms, for as long as the load lasts: three
 * times the CPU time (docs/performance.md). V8's own factor lies between 1.1 and 4.
 */
const HEAP_GROWING_PERCENT = 200

type Collect = (options: { type: 'minor' } | { type: 'major'; flavor: 'last-resort' }) => void

/** V8's own collector, as a function. */
export function collector(): Collect {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as Collect
}

/** A counter to be told of body bytes; collects by itself. */
export function garbageBound(): (count: number) => void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
  keepCodeWhenIdle()
  const collect = collector()
  let passed = 0
  return count => {
    passed += count
    if (passed < COLLECT_EVERY_BYTES) return
    passed = 0
    collect({ type: 'minor' })
  }
}

/**
 * After some idle seconds V8 collects with the aim of giving memory back, and then also forgets the shapes of objects that
 * happen not to live just now, with all optimised code that knew them: the visitor after a pause paid two to four times the
 * CPU time until all was compiled again (docs/performance.md). It collects as before, but keeps the code.
 */
function keepCodeWhenIdle(): void {
  setFlagsFromString('--no-memory-reducer-favors-memory')
}
