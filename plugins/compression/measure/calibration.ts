/**
 * Measures the encoders of this machine when it has just begun to listen: one level a turn, so that the first requests do
 * not wait for it, and with a bound on the whole.
 */
import { encodeNow } from '../codec/codecs.ts'
import { onTheFly } from '../rules/levels.ts'
import type { Coding } from '../rules/types.ts'
import type { Costs } from './costs.ts'

/** Most CPU time of the whole calibration. */
const BUDGET_MS = 50
const SAMPLE_BYTES = 16 * 1024

/** Resolves when all levels are measured or the time is used up; `signal` ends it early. */
export function calibrate(costs: Costs, codings: readonly Coding[], signal: AbortSignal): Promise<void> {
  const sample = sampleText()
  // Cheap levels first: where the time does not suffice it is the dear ones that stay as they were measured elsewhere.
  const steps = codings
    .flatMap(coding => onTheFly[coding].map((level, rank) => ({ coding, level, rank })))
    .toSorted((a, b) => a.rank - b.rank)
  let spentMs = 0
  return new Promise(resolve => {
    const next = () => {
      const step = steps.shift()
      if (step === undefined || spentMs > BUDGET_MS || signal.aborted) return resolve()
      spentMs += measure(costs, step.coding, step.level, sample)
      setImmediate(next)
    }
    setImmediate(next)
  })
}

/** The better of two: the first pays for memory that is fetched. */
function measure(costs: Costs, coding: Coding, level: number, sample: Buffer): number {
  const began = performance.now()
  encodeNow(sample, coding, level)
  const between = performance.now()
  encodeNow(sample, coding, level)
  const ended = performance.now()
  const ms = Math.min(between - began, ended - between)
  costs.calibrate(coding, level, ms / (sample.length / 1024))
  return ended - began
}

/** Records as an API answers them: keys that repeat, values that do not. The same bytes on every start. */
export function sampleText(): Buffer {
  const rooms = ['kitchen', 'living room', 'cellar', 'garden', 'study', 'hall', 'garage', 'attic']
  let seed = 7
  const next = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed % below
  }
  let text = '['
  while (text.length < SAMPLE_BYTES) {
    const room = rooms[next(rooms.length)]
    text += `{"id":${next(1e6)},"room":"${room}","celsius":${next(400) / 10},"seen":"2026-0${1 + next(9)}-1${next(10)}","on":${next(2) === 1}},`
  }
  return Buffer.from(`${text.slice(0, SAMPLE_BYTES - 1)}]`)
}
