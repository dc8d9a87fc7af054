/**
 * The way of one request through the gateway: admission, attempt, retry or hedge, compression, the client's link. What a
 * client gets out of it is the utility of the time to the last byte.
 */
import type { AttemptOutcome, Coding } from '../../plugins/tuner/types.ts'
import type { AdmissionModel, Waiting } from './admission-model.ts'
import { BY_ANSWER, type CpuShare, codingByAnswer } from './answer-coding.ts'
import type { AppModel, Visit } from './app-model.ts'
import type { Random } from './random.ts'
import type { Recorder } from './recorder.ts'
import type { RouteSettings } from './settings.ts'
import type { SharedServer } from './shared-server.ts'
import type { Planned, Timeline } from './timeline.ts'
import { compressionTable, type RouteWorld, type World } from './world.ts'

const PATIENCE_MS = 30_000
const SMALLEST_COMPRESSED = 1024
const MEGABYTE = 1_000_000

/** Everything that requests of one run share. */
export interface Surroundings {
  readonly world: World
  readonly timeline: Timeline
  readonly service: Random
  readonly recorder: Recorder
  readonly cpu: SharedServer
  readonly cpuShare: CpuShare
  readonly links: Readonly<Record<string, SharedServer>>
}

interface RunningAttempt {
  readonly visit: Visit
  readonly startedMs: number
  readonly inflight: number
  readonly number: number
  readonly isHedge: boolean
  readonly isCounted: boolean
  timer: Planned | null
}

export class RequestModel {
  readonly #around: Surroundings
  readonly #route: RouteWorld
  readonly #settings: RouteSettings
  readonly #admission: AdmissionModel
  readonly #app: AppModel
  readonly #cls: string
  readonly #bytes: number
  readonly #arrivedMs: number
  #work: number | null = null
  #queueMs = 0
  #tries = 0
  #isOver = false
  #waiting: Waiting | null = null
  #hedgeTimer: Planned | null = null
  readonly #patience: Planned
  readonly #attempts: RunningAttempt[] = []

  constructor(
    around: Surroundings,
    route: RouteWorld,
    settings: RouteSettings,
    at: { readonly admission: AdmissionModel; readonly app: AppModel },
    client: { readonly cls: string; readonly bytes: number },
  ) {
    this.#around = around
    this.#route = route
    this.#settings = settings
    this.#admission = at.admission
    this.#app = at.app
    this.#cls = client.cls
    this.#bytes = client.bytes
    this.#arrivedMs = around.timeline.now
    this.#patience = around.timeline.after(PATIENCE_MS * (route.holds ? 100 : 1), () => this.#leave())
    this.#admission.earn()
    if (this.#admission.isParking) this.#park()
    else this.#enter()
  }

  #enter(): void {
    const since = this.#around.timeline.now
    this.#waiting = {
      route: this.#route.id,
      sinceMs: since,
      state: 'waiting',
      deadline: null,
      isCounted: true,
      start: () => {
        this.#queueMs += this.#around.timeline.now - since
        this.#attempt(false)
      },
      giveUp: () => {
        if (!this.#isOver) this.#end(false, 'shed')
      },
    }
    this.#admission.enter(this.#waiting)
  }

  #attempt(isHedge: boolean): void {
    const { timeline, service, recorder } = this.#around
    this.#tries++
    const visit: Visit = {
      work: this.#drawWork(),
      fails: service.next() < (this.#route.p5xx ?? 0),
      holds: this.#route.holds ?? false,
      job: null,
      ended: null,
    }
    const inflight = Math.max(1, this.#admission.running)
    const attempt = {
      visit,
      startedMs: timeline.now,
      inflight,
      number: this.#tries,
      isHedge,
      isCounted: isHedge || (this.#waiting?.isCounted ?? true),
      timer: null as Planned | null,
    }
    visit.ended = kind => this.#attemptEnded(attempt, kind)
    attempt.timer = timeline.after(this.#route.holds ? 3.6e6 : this.#settings.timeoutMs, () => {
      this.#app.leave(visit)
      this.#attemptEnded(attempt, 'timeout')
    })
    this.#attempts.push(attempt)
    recorder.attemptStarted(this.#route, this.#tries > 1 && !isHedge, isHedge)
    this.#app.visit(visit)
    if (!isHedge && this.#tries === 1) this.#planHedge()
  }

  #drawWork(): number {
    const { service } = this.#around
    if (!this.#route.workPerRequest) return service.draw(this.#route.work)
    this.#work ??= service.draw(this.#route.work)
    return this.#work
  }

  #planHedge(): void {
    const delay = this.#settings.hedgeDelayMs
    if (delay === null || this.#route.idempotent === false) return
    this.#hedgeTimer = this.#around.timeline.after(delay, () => {
      if (this.#isOver || this.#attempts.length !== 1) return
      if (!this.#admission.tryTake(this.#route.id)) return
      if (this.#admission.pay()) this.#attempt(true)
      else this.#admission.release(this.#route.id, true)
    })
  }

  #attemptEnded(attempt: RunningAttempt, kind: AttemptOutcome): void {
    const { timeline, recorder } = this.#around
    if (attempt.timer !== null) attempt.timer.run = null
    attempt.visit.ended = null
    this.#attempts.splice(this.#attempts.indexOf(attempt), 1)
    const ms = timeline.now - attempt.startedMs
    const { number, isHedge, inflight } = attempt
    recorder.attemptEnded(this.#route, { ms, kind, inflight, number, isHedge })
    this.#admission.release(this.#route.id, attempt.isCounted)
    if (this.#isOver) return
    if (kind !== 'connect') this.#admission.connected()
    if (kind === 'ok') this.#answered()
    else if (this.#attempts.length === 0) this.#failed(kind)
  }

  #answered(): void {
    for (const other of [...this.#attempts]) this.#drop(other)
    this.#clearHedge()
    this.#encode()
  }

  #drop(other: RunningAttempt): void {
    if (other.timer !== null) other.timer.run = null
    this.#app.leave(other.visit)
    this.#attempts.splice(this.#attempts.indexOf(other), 1)
    this.#admission.release(this.#route.id, other.isCounted)
  }

  #failed(kind: AttemptOutcome): void {
    const { settings } = this.#admission
    this.#clearHedge()
    if (kind === 'connect' && settings.parkMs > 0) return this.#park()
    const isSafe = kind === 'connect' || this.#route.idempotent !== false
    const isWished = kind !== '5xx' || this.#settings.retryOn5xx
    if (!isSafe || !isWished || this.#tries >= this.#settings.attempts || !this.#admission.pay()) {
      return this.#end(false, kind)
    }
    const { backoffBaseMs, backoffMaxMs, jitter } = this.#settings
    const wait = Math.min(backoffMaxMs, backoffBaseMs * 2 ** (this.#tries - 1))
    this.#around.timeline.after(jitter ? wait * this.#around.service.next() : wait, () => {
      if (!this.#isOver) this.#enter()
    })
  }

  #park(): void {
    const spent = this.#around.timeline.now - this.#arrivedMs
    const left = this.#admission.settings.parkMs - spent
    if (left <= 0) return this.#end(false, 'connect')
    const replay = () => {
      if (!this.#isOver) this.#enter()
    }
    const expire = () => {
      if (!this.#isOver) this.#end(false, 'connect')
    }
    this.#admission.park({ replay, expire, deadline: null, isOver: false }, left)
  }

  #encode(): void {
    const { cpu, world } = this.#around
    const { cpuFactor, baseCpuMs } = world.gateway
    const coding = this.#coding()
    const cost = costOf(coding, this.#bytes, this.#route)
    const sinceMs = this.#around.timeline.now
    const work = cost.ms * cpuFactor
    cpu.add(baseCpuMs + work, () => {
      if (this.#isOver) return
      this.#send(cost.bytes, { wallMs: this.#around.timeline.now - sinceMs, workMs: work })
    })
  }

  #coding(): Coding {
    const { compression } = this.#settings
    if (this.#bytes < SMALLEST_COMPRESSED) return { algo: 'identity', level: 0 }
    const coding = 'byClass' in compression ? (compression.byClass[this.#cls] ?? compression.default) : compression
    if (coding.algo !== BY_ANSWER) return coding
    const { cpu, cpuShare, timeline, world } = this.#around
    return codingByAnswer({
      ceiling: coding.level,
      cls: this.#cls,
      bytes: this.#bytes,
      cpuShare: cpuShare.of(timeline.now, cpu.busyMs),
      costOf: (each, bytes) => {
        const { ms, bytes: out } = costOf(each, bytes, this.#route)
        return { ms: ms * world.gateway.cpuFactor, bytes: out }
      },
    })
  }

  #send(bytes: number, encoding: { wallMs: number; workMs: number }): void {
    const { timeline, links, world, recorder } = this.#around
    const sinceMs = timeline.now
    const link = links[this.#cls] as SharedServer
    link.add(bytes, () => {
      timeline.after(world.clients[this.#cls]?.rttMs ?? 0, () => {
        if (this.#isOver) return
        const transferMs = timeline.now - sinceMs
        recorder.sent(this.#route, this.#cls, {
          raw: this.#bytes,
          bytes,
          transferMs,
          ...encoding,
          ttlb: timeline.now - this.#arrivedMs,
        })
        this.#end(true, 'ok', bytes)
      })
    })
  }

  #leave(): void {
    if (this.#isOver) return
    this.#end(false, 'left')
    for (const attempt of [...this.#attempts]) this.#drop(attempt)
    if (this.#waiting !== null) this.#admission.abandon(this.#waiting)
  }

  #end(ok: boolean, kind: string, bytes = 0): void {
    this.#isOver = true
    this.#patience.run = null
    this.#clearHedge()
    const ms = this.#around.timeline.now - this.#arrivedMs
    const { goodMs, badMs } = this.#route.slo
    const utility = ok ? Math.min(1, Math.max(0, (badMs - ms) / (badMs - goodMs))) : 0
    const done = { ok, kind, ms, queueMs: this.#queueMs, tries: this.#tries, bytes, cls: this.#cls }
    this.#around.recorder.requestEnded(this.#route, { ...done, utility, arrivedMs: this.#arrivedMs })
  }

  #clearHedge(): void {
    if (this.#hedgeTimer !== null) this.#hedgeTimer.run = null
  }
}

function costOf(coding: Coding, bytes: number, route: RouteWorld): { ms: number; bytes: number } {
  if (coding.algo === 'identity') return { ms: 0, bytes }
  const table = compressionTable[route.contentType ?? 'json'] as Record<string, readonly [number, number]>
  const [speed, ratio] = table[`${coding.algo}:${coding.level}`] ?? (table['gzip:6'] as readonly [number, number])
  const content = route.content ?? { compressibility: 1, speed: 1, tilt: 0 }
  const perMs = (speed * MEGABYTE * content.speed * (1 + (content.tilt * coding.level) / 11)) / 1000
  return { ms: bytes / perMs, bytes: bytes * (1 - (1 - ratio) * content.compressibility) }
}
