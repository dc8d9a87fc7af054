/** The shape of a drill: what happens to the app, who sends what meanwhile, and what is counted. */
import type { Contender } from './contenders.ts'

/** One figure of a drill with what is asked of us. */
export interface Figure {
  readonly name: string
  readonly value: number
  /** Whether ours may look like this; null where nothing is asked. */
  readonly isFine: boolean | null
}

export interface DrillResult {
  readonly figures: readonly Figure[]
}

/** A started proxy, in front of the drill's origins. */
export interface Subject {
  readonly name: string
  /** It listens here, on loopback. */
  readonly port: number
}

export interface DrillRun {
  /** Starts the proxy under test in front of these ports of loopback; ended by the harness. */
  front(originPorts: readonly number[], tuning?: Tuning): Promise<Subject>
  /** Run at the end, the last one first. */
  atEnd(action: () => unknown): void
}

/** What rivals are told of the app; ours runs with its defaults. */
export interface Tuning {
  /** Requests that the app can work on at once. */
  readonly capacity?: number
}

export interface Drill {
  readonly name: string
  readonly title: string
  /** What is asked of us, in words. */
  readonly asked: string
  run(run: DrillRun): Promise<DrillResult>
}

export type { Contender }
