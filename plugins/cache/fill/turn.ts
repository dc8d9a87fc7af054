/**
 * Whose turn it is to fill a key where several gateways share a store: one of them asks the origin, the others wait for what it
 * stores.
 */
import { headOf } from '../passage.ts'
import type { StoreLock } from '../stores/index.ts'
import type { Fill } from './fill.ts'
import type { FillSurroundings } from './fill-surroundings.ts'
import { isAskable } from './outgoing.ts'

/** For how long another gateway may hold the right to fill a key, and how long and how often it is asked after. */
const LOCK_MS = 10_000
const LOCK_WAIT_MS = 2_000
const FIRST_POLL_MS = 5
const LAST_POLL_MS = 100

type Around = Pick<FillSurroundings, 'store' | 'isFresh'>

/** Starts the fill at once, or when the other gateway has given the right up, or answers it from what that one stored. */
export function startInTurn(fill: Fill, around: Around, now: () => number): void {
  const lock = around.store.lock(fill.passage.key, LOCK_MS)
  if (lock instanceof Promise) void lock.then(given => startLocked(fill, given, around, now))
  else startLocked(fill, lock, around, now)
}

function startLocked(fill: Fill, lock: StoreLock, around: Around, now: () => number): void {
  if (lock.acquired) startWith(fill, lock)
  else void waitForOther(fill, around, now)
}

function startWith(fill: Fill, lock: StoreLock): void {
  if (fill.state !== 'head') return lock.release()
  fill.onOver = () => lock.release()
  fill.start()
}

/** What the other one stores is looked for, and asked for only when it has given the right up. */
async function waitForOther(fill: Fill, around: Around, now: () => number): Promise<void> {
  const { passage } = fill
  const { store } = around
  const untilMs = now() + LOCK_WAIT_MS
  for (let pauseMs = FIRST_POLL_MS; fill.state === 'head'; pauseMs = Math.min(2 * pauseMs, LAST_POLL_MS)) {
    await new Promise(wake => setTimeout(wake, pauseMs))
    passage.take(await store.lookup(passage.key))
    const { stored } = passage
    if (fill.state !== 'head') return
    if (stored !== null && around.isFresh(headOf(stored), passage)) return fill.answerFrom(stored)
    const lock = await store.lock(passage.key, LOCK_MS)
    if (!lock.acquired && now() < untilMs) continue
    if (stored !== null && fill.state === 'head' && isAskable(headOf(stored))) fill.askAbout(stored)
    return startWith(fill, lock)
  }
}
