/**
 * Runs a world under a policy in virtual time: arrivals, windows every second, decisions, score.
 */
import type { Decisions, TunerWindow } from '../../plugins/tuner/types.ts'
import { AdmissionModel } from './admission-model.ts'
import { CpuShare } from './answer-coding.ts'
import { AppModel } from './app-model.ts'
import { Random } from './random.ts'
import { Recorder } from './recorder.ts'
import { RequestModel, type Surroundings } from './request-model.ts'
import { applyDecisions, type Settings, untunedSettings } from './settings.ts'
import { SharedServer } from './shared-server.ts'
import { type Clock, Timeline } from './timeline.ts'
import { type RouteWorld, rateAt, type World } from './world.ts'

const WINDOW_MS = 1000
const TICK_MS = 50
/** After the last arrival, so that every request ends. */
const AFTER_MS = 31_000
/** Arrivals are drawn at the rate of this piece of time. */
const PIECE_MS = 1000

export interface Policy {
  initial?(): Decisions
  observe?(window: TunerWindow): Decisions | null
}

export interface RunOptions {
  readonly seed: number
  /** What is in force before the policy says anything; untuned without it. */
  readonly settings?: Settings
  /** Called with each window, before the policy; may change the settings (a drill). */
  readonly onWindow?: (window: TunerWindow, settings: Settings) => void
}

export interface RunResult {
  /** Mean utility by route weight. */
  readonly score: number
  /** By minute of arrival; NaN for one without arrivals. */
  readonly minutes: readonly number[]
  readonly attemptsPerRequest: number
  readonly changesPerHour: number
  readonly observeMs: readonly number[]
}

export function simulate(
  world: World,
  policy: Policy,
  { seed, settings = untunedSettings(world), onWindow }: RunOptions,
): RunResult {
  const timeline = new Timeline()
  const service = new Random(seed, 2)
  const recorder = new Recorder(world)
  recorder.now = () => timeline.now
  const { cores } = world.gateway
  const cpu = new SharedServer(timeline, cores, n => Math.min(1, cores / n))
  const links = Object.fromEntries(
    Object.entries(world.clients).map(([cls, { flowMbps, capMbps }]) => {
      const perMs = 1_000_000 / 8 / 1000
      return [cls, new SharedServer(timeline, 1, n => Math.min(flowMbps, capMbps / n) * perMs)]
    }),
  )
  const around: Surroundings = { world, timeline, service, recorder, cpu, cpuShare: new CpuShare(), links }
  applyDecisions(settings, policy.initial?.() ?? null)
  const apps = Object.fromEntries(world.upstreams.map(app => [app.id, new AppModel(app, timeline, service)]))
  const admissions = Object.fromEntries(
    world.upstreams.map(({ id }) => [
      id,
      new AdmissionModel(timeline, settings.upstreams[id] as never, settings.routes),
    ]),
  )
  let stream = 10
  for (const route of world.routes) {
    for (const [cls, share] of Object.entries(route.mix ?? { [Object.keys(world.clients)[0] as string]: 1 })) {
      const at = { admission: admissions[route.upstream] as AdmissionModel, app: apps[route.upstream] as AppModel }
      const random = new Random(seed, stream++)
      planArrivals(around, { route, share, random }, bytes => {
        recorder.arrived(route)
        new RequestModel(around, route, settings.routes[route.id] as never, at, { cls, bytes })
      })
    }
  }
  let changes = 0
  let busyMs = 0
  const observeMs: number[] = []
  const endMs = world.durationS * 1000
  for (let t = TICK_MS; t <= endMs; t += TICK_MS) {
    timeline.runUntil(t)
    recorder.tick(admissions)
    if (t % WINDOW_MS !== 0) continue
    const cpuUtil = (cpu.busyMs - busyMs) / WINDOW_MS
    busyMs = cpu.busyMs
    const window = recorder.takeWindow({ cpuUtil, admissions, knobs: structuredClone(settings) })
    onWindow?.(window, settings)
    const started = performance.now()
    const decisions = policy.observe?.(window) ?? null
    observeMs.push(performance.now() - started)
    changes += applyDecisions(settings, decisions)
    for (const admission of Object.values(admissions)) admission.admit()
  }
  timeline.runUntil(endMs + AFTER_MS)
  return { ...scoreOf(recorder), changesPerHour: (changes * 3600) / world.durationS, observeMs }
}

export interface Arrivals {
  readonly route: RouteWorld
  readonly share: number
  readonly random: Random
}

/** A Poisson process with a rate that is constant within each piece. */
export function planArrivals(
  { world, timeline }: { readonly world: World; readonly timeline: Clock },
  { route, share, random }: Arrivals,
  arrive: (bytes: number) => void,
): void {
  const endMs = world.durationS * 1000
  const next = (fromMs: number): void => {
    let at = fromMs
    for (let left = random.exponential(1); at < endMs; at = (Math.floor(at / PIECE_MS) + 1) * PIECE_MS) {
      const perMs = (rateAt(route.rate, at / 1000) * share) / 1000
      const pieceMs = (Math.floor(at / PIECE_MS) + 1) * PIECE_MS - at
      if (left > perMs * pieceMs) {
        left -= perMs * pieceMs
        continue
      }
      at += left / perMs
      const bytes = random.draw(route.bytes)
      timeline.after(at - timeline.now, () => {
        arrive(bytes)
        next(at)
      })
      return
    }
  }
  next(0)
}

function scoreOf({ minutes, attempts, requests }: Recorder) {
  let gained = 0
  let weight = 0
  for (const minute of minutes) {
    gained += minute?.gained ?? 0
    weight += minute?.weight ?? 0
  }
  return {
    score: weight === 0 ? 1 : gained / weight,
    minutes: Array.from(minutes, minute => (minute ? minute.gained / minute.weight : Number.NaN)),
    attemptsPerRequest: attempts / Math.max(1, requests),
  }
}
