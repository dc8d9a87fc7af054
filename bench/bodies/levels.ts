/**
 * What each level costs and brings: the table of `plugins/compression/measure/costs.ts` is what this prints.
 *
 *   npm run bench:levels
 *
 * Geometric means over the corpus; time is the least of several runs on this thread.
 */
import { encodeNow } from '../../plugins/compression/codec/codecs.ts'
import { sampleText } from '../../plugins/compression/measure/calibration.ts'
import { onTheFly } from '../../plugins/compression/rules/levels.ts'
import { allCodings, type Coding } from '../../plugins/compression/rules/types.ts'
import { realBodies } from './corpus.ts'

const RUNS = 9
/** The calibration's short text takes so little time that it needs more of them. */
const SAMPLE_RUNS = 200

const bodies = realBodies()
const sample = sampleText()
for (const coding of allCodings) {
  process.stdout.write(`  ${coding}: {\n`)
  for (const level of onTheFly[coding]) {
    const all = bodies.map(({ body }) => measure(body, coding, level, RUNS))
    const msPerKiB = mean(all.map(each => each.msPerKiB))
    const ratio = mean(all.map(each => each.ratio))
    const sampleMsPerKiB = measure(sample, coding, level, SAMPLE_RUNS).msPerKiB
    const [ms, share, short] = [msPerKiB.toFixed(4), ratio.toFixed(4), sampleMsPerKiB.toFixed(4)]
    process.stdout.write(`    ${level}: { msPerKiB: ${ms}, ratio: ${share}, sampleMsPerKiB: ${short} },\n`)
  }
  process.stdout.write('  },\n')
}

function measure(body: Buffer, coding: Coding, level: number, runs: number) {
  let leastMs = Number.POSITIVE_INFINITY
  let bytes = 0
  for (let run = 0; run < runs; run++) {
    const began = performance.now()
    bytes = encodeNow(body, coding, level).length
    leastMs = Math.min(leastMs, performance.now() - began)
  }
  return { msPerKiB: leastMs / (body.length / 1024), ratio: bytes / body.length }
}

function mean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}
