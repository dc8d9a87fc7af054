/**
 * What waits for the end of the loop's turn: small writes. A turn reads from many sockets; with a write after each of them
 * the other side is woken, works and sleeps again each time, and the processor changes between our code and the kernel's.
 * Gathered, they leave one behind the other: a third of the CPU time of a small answer (docs/performance.md).
 */

/** So many wait for each other at most: none leaves later than after the work for as many others. */
export const MOST_WAITING = 32

/** Something that is to leave in this turn. */
export interface TurnEndTask {
  atTurnEnd(): void
}

let waiting: TurnEndTask[] = []
/** Swapped with the other, so that what comes while the tasks run waits for the next end. */
let spare: TurnEndTask[] = []
let isArmed = false

/** Runs the task when the events of this turn of the loop have been handled, in the order of the calls. */
export function deferToTurnEnd(task: TurnEndTask): void {
  waiting.push(task)
  if (waiting.length >= MOST_WAITING) return endTurnNow()
  if (isArmed) return
  isArmed = true
  setImmediate(onTurnEnd)
}

/** For whoever is about to keep the loop busy: what waits leaves first. */
export function endTurnNow(): void {
  const tasks = waiting
  waiting = spare
  spare = []
  for (const task of tasks) {
    try {
      task.atTurnEnd()
    } catch (error) {
      // A fault of ours, and told as such; but neither the other tasks nor the caller have a part in it.
      setImmediate(() => {
        throw error
      })
    }
  }
  tasks.length = 0
  spare = tasks
}

function onTurnEnd(): void {
  isArmed = false
  endTurnNow()
}
