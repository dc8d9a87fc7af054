/**
 * Loaded into a contender by `profile.ts --allocations` (`--import`): samples what it allocates from SIGUSR2 on, garbage
 * included, and writes HG_ALLOCATIONS (a .heapprofile) when the process ends. `--heap-prof` would leave the garbage out.
 */
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'

/** Bytes between two samples. */
const INTERVAL = 8 * 1024

const file = process.env['HG_ALLOCATIONS']
if (file === undefined) throw new Error('HG_ALLOCATIONS names no file')
const session = new Session()
session.connect()
process.once('SIGUSR2', () => {
  session.post('HeapProfiler.startSampling', {
    samplingInterval: INTERVAL,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  })
})
process.once('exit', () => {
  session.post('HeapProfiler.stopSampling', (error, answer) => {
    if (error === null) writeFileSync(file, JSON.stringify(answer.profile))
  })
})
