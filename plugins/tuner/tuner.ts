/**
 * The tuner of one app: a window a second to the controller, its decisions to the knobs that may be moved, and all of it
 * to whoever asks.
 */
import { availableParallelism } from 'node:os'
import { type EventLoopUtilization, performance } from 'node:perf_hooks'
import { isDeepStrictEqual } from 'node:util'
import type { Contract } from '../contract/index.ts'
import { type KnobStatus, Knobs } from './apply/knobs.ts'
import { Collector } from './collector.ts'
import { createController } from './controller.ts'
import { forgetChanged, type LedgerFile, readLedger, writeLedger } from './ledger-file.ts'
import { type Mode, serverOf, type TunedRoute, type TunerOptions } from './options.ts'
import { Recording } from './recording.ts'
import { createRulesPolicy } from './rules-policy.ts'
import { Timeline, type TimelinePoint } from './timeline.ts'
import { type Suggestion, tellSuggestions } from './told.ts'
import type { Controller, ControllerMeta, Entry, TunerWindow } from './types.ts'

export const WINDOW_MS = 1000
/** Looks at the gauges in each window. */
export const TICKS = 10
/** Windows between two writes of the ledger. */
const SAVE_WINDOWS = 60

export interface TunerStatus {
  /** The widest mode of any route. */
  readonly mode: Mode
  readonly policy: TunerOptions['policy']
  readonly frozen: boolean
  /** Seconds since the tuner began to watch. */
  readonly windows: number
  readonly knobs: readonly KnobStatus[]
  /** What would change if somebody applied it. */
  readonly suggestions: readonly Suggestion[]
  readonly log: readonly Entry[]
  readonly timeline: readonly TimelinePoint[]
}

/** What is tuned and how; swapped as a whole by a reload. */
export type TunerSettings = Pick<TunerOptions, 'routes' | 'policy' | 'intervalMs'>

export class Tuner {
  readonly #stateDir: string | null
  #settings: TunerSettings
  readonly #contract: Contract
  readonly #collector: Collector
  readonly knobs: Knobs
  readonly #timeline = new Timeline()
  #recording: Recording | null = null
  #routes: Readonly<Record<string, TunedRoute>> = {}
  #meta: ControllerMeta = { upstreams: [], routes: [] }
  #rules: Record<string, unknown> = {}
  #controller: Controller
  #kept: LedgerFile | null
  /** Of the run before, shown until this one has entries of its own. */
  #earlier: readonly Entry[]
  #ticks = 0
  #windows = 0
  #loop: EventLoopUtilization = performance.eventLoopUtilization()

  constructor(contract: Contract, options: TunerOptions) {
    this.#contract = contract
    const { stateDir, ...settings } = options
    this.#stateDir = stateDir
    this.#settings = settings
    this.#collector = new Collector(contract.signals)
    this.knobs = new Knobs(contract.tunables)
    this.#kept = stateDir === null ? null : readLedger(stateDir, Date.now())
    this.#earlier = this.#kept?.entries ?? []
    this.knobs.pins.restore(this.#kept?.pins ?? [])
    this.knobs.isFrozen = this.#kept?.frozen ?? false
    this.#controller = this.#newController()
    this.#start()
  }

  /** Called by each reload, when the tunables are declared; what does not change goes on as it was. */
  apply(settings: TunerSettings): void {
    if (isDeepStrictEqual(settings, this.#settings) && isDeepStrictEqual(this.#rules, this.knobs.rules())) return
    this.#save()
    this.#settings = settings
    this.#start()
  }

  #start(): void {
    const { routes } = this.#settings
    this.#routes = routes
    this.knobs.apply(routes)
    this.knobs.restore(place => this.knobs.modeOf(place.route, place.link.group) === 'off')
    this.#collector.watch(
      Object.fromEntries(
        Object.entries(routes).map(([id, route]) => [
          id,
          { upstream: route.upstream, server: serverOf(route), goal: route.goal },
        ]),
      ),
    )
    this.#controller = this.#newController()
    this.#windows = 0
  }

  #newController(): Controller {
    this.#rules = this.knobs.rules()
    const routes = Object.entries(this.#routes).filter(([, { mode }]) => mode !== 'off')
    this.#meta = {
      windowMs: WINDOW_MS,
      gateway: { cores: availableParallelism() },
      clients: ['lan', 'wan'],
      upstreams: [...new Set(routes.map(([, route]) => serverOf(route)))].map(id => ({ id })),
      routes: routes.map(([id, route]) => {
        const { goal: slo, weight, contentType } = route
        return { id, upstream: serverOf(route), slo, weight, contentType, idempotent: true }
      }),
      knobs: this.#rules,
    }
    if (this.#settings.policy === 'rules') return createRulesPolicy(this.#meta, this.#settings.intervalMs)
    const saved = this.#kept === null ? null : forgetChanged(this.#kept, this.#identities())
    return createController(this.#meta, saved)
  }

  /** Ten times a second: looks at gauges, and every second closes the window. */
  tick(): void {
    if (this.#meta.routes.length === 0) return
    this.#collector.tick()
    this.#ticks++
    if (this.#ticks % TICKS === 0) this.#closeWindow()
  }

  listen(): () => void {
    const { attempts, requests } = this.#contract.journal
    const stops = [
      attempts.listen(record => this.#collector.attempt(record)),
      requests.listen(record => this.#collector.request(record)),
    ]
    return () => {
      for (const stop of stops) stop()
    }
  }

  #closeWindow(): void {
    const loop = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(loop, this.#loop)
    this.#loop = loop
    const window = this.#collector.take({ t: Date.now(), cpuUtil: utilization, knobs: this.knobs.inForce() })
    if (this.#recording !== null && !this.#recording.write(window)) this.#recording = null
    this.observe(window)
  }

  /** One window, from wherever it comes. */
  observe(window: TunerWindow): void {
    if (this.#windows === 0) this.knobs.decide(this.#controller.initial(), window.t)
    this.#windows++
    const decisions = this.#controller.observe(window)
    if (decisions !== null) this.knobs.decide(decisions, window.t)
    this.#timeline.add(window, () => this.#values())
    if (this.#windows % SAVE_WINDOWS === 0) this.#save()
  }

  /** `route`: the only one whose timeline is told. */
  status(route: string | null = null): TunerStatus {
    const modes = Object.values(this.#routes).map(({ mode }) => mode)
    const mode = (['apply', 'suggest', 'observe'] as const).find(word => modes.includes(word)) ?? 'off'
    const { policy } = this.#settings
    const { isFrozen: frozen } = this.knobs
    const knobs = [...this.knobs.status(this.#belief)]
    const suggestions = tellSuggestions({ knobs, log: this.log }, frozen)
    const timeline = this.#timeline.points(route)
    return { mode, policy, frozen, windows: this.#windows, knobs, suggestions, log: this.log, timeline }
  }

  get log(): readonly Entry[] {
    return this.#controller.log.length === 0 ? this.#earlier : this.#controller.log
  }

  /** Nothing moves until it is thawed, not even after a restart; measuring goes on. */
  freeze(isFrozen: boolean): void {
    this.knobs.isFrozen = isFrozen
    this.#save()
  }

  /** What pins and modes say now reaches the controller with its next decision. */
  pinsChanged(): void {
    for (const [target, rules] of Object.entries(this.knobs.rules())) this.#rules[target] = rules
  }

  /** Returns how many knobs moved. */
  applySuggestions(wanted: (route: string, name: string) => boolean): number {
    return this.knobs.applySuggestions(this.#belief, wanted, Date.now())
  }

  /**
   * To the last known good, and what a person has applied to what stood before; where nothing is known yet, to what is
   * configured.
   */
  rollback(): number {
    const takenBack = this.knobs.takeBack(Date.now())
    const decisions = this.#controller.rollback()
    return takenBack + (decisions === null ? this.reset() : this.knobs.decide(decisions, Date.now()))
  }

  /** Back to the configuration, and everything that was learned is forgotten. */
  reset(): number {
    this.#kept = null
    const moved = this.knobs.restore()
    this.#controller = this.#newController()
    return moved
  }

  /** Writes the next windows to a file in the state folder; null = there is no such folder. */
  record(seconds: number): string | null {
    if (this.#stateDir === null) return null
    this.#recording = new Recording(this.#stateDir, this.#meta, seconds)
    return this.#recording.path
  }

  close(): void {
    this.#save()
  }

  readonly #belief = (scope: 'upstream' | 'route', target: string, knob: string) =>
    this.#controller.value(scope, target, knob)

  #values(): Map<string, Record<string, number>> {
    const values = new Map<string, Record<string, number>>()
    for (const { scope, name, value } of this.knobs.status(this.#belief)) {
      values.set(scope, { ...values.get(scope), [name]: value })
    }
    return values
  }

  #identities(): Record<string, string> {
    return Object.fromEntries(Object.values(this.#routes).map(route => [serverOf(route), route.identity]))
  }

  #save(): void {
    const stateDir = this.#stateDir
    if (stateDir === null || this.#windows === 0 || this.#settings.policy === 'rules') return
    const ledger = {
      savedAt: Date.now(),
      identities: this.#identities(),
      controller: this.#controller.save(),
      pins: this.knobs.pins.keys,
      frozen: this.knobs.isFrozen,
      entries: this.log,
      knobs: [...this.knobs.status(this.#belief)],
    }
    this.#kept = ledger
    try {
      writeLedger(stateDir, ledger)
    } catch {
      // A full disk must not end the gateway; the next minute tries again.
    }
  }
}
