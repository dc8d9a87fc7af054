/** Reads a V8 CPU profile (.cpuprofile): self time by function. */
import { type CallFrame, nameOf, placeOf } from './call-frame.ts'

export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: CallFrame
  }[]
  /** Microseconds of the machine's monotonic clock, the one of `process.hrtime`. */
  readonly startTime: number
  /** Node ids, one a sample. */
  readonly samples: readonly number[]
  /** Microseconds between a sample and the one before it. */
  readonly timeDeltas: readonly number[]
}

export interface FunctionTime {
  readonly name: string
  /** As `placeOf` says it. */
  readonly place: string
  readonly selfMs: number
  /** Of all time that was not idle, 0 to 1. */
  readonly share: number
}

const IDLE = '(idle)'

/** A span of the monotonic clock, microseconds: the loaded part of a profile, without start-up and warm-up. */
export interface Span {
  readonly startTime: number
  readonly endTime: number
}

/** Functions by self time, most first; all their call sites together, idle time and samples outside the span left out. */
export function sumSelfTimes(profile: CpuProfile, projectFolder: string, span: Span): FunctionTime[] {
  const frames = new Map(profile.nodes.map(node => [node.id, node.callFrame]))
  const times = new Map<string, { name: string; place: string; selfMs: number }>()
  let now = profile.startTime
  profile.samples.forEach((id, index) => {
    const frame = frames.get(id)
    const delta = profile.timeDeltas[index] ?? 0
    now += delta
    if (now < span.startTime || now > span.endTime) return
    if (frame === undefined || frame.functionName === IDLE) return
    const [name, place] = [nameOf(frame), placeOf(frame, projectFolder)]
    const entry = times.get(`${name} ${place}`) ?? { name, place, selfMs: 0 }
    entry.selfMs += delta / 1000
    times.set(`${name} ${place}`, entry)
  })
  const totalMs = [...times.values()].reduce((sum, entry) => sum + entry.selfMs, 0)
  const functions = [...times.values()].map(entry => ({ ...entry, share: entry.selfMs / totalMs }))
  return functions.toSorted((a, b) => b.selfMs - a.selfMs)
}

/** A Markdown table of the first `top` functions. */
export function renderFunctions(functions: readonly FunctionTime[], top: number): string {
  const lines = functions
    .slice(0, top)
    .map(
      ({ name, place, selfMs, share }) => `| ${(share * 100).toFixed(1)} | ${selfMs.toFixed(0)} | ${name} | ${place} |`,
    )
  return ['| self % | self ms | function | place |', '| ---: | ---: | --- | --- |', ...lines].join('\n')
}
