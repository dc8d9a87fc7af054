/**
 * Latency beside the knobs over the last half hour, a point every ten seconds for each route: what the dashboard draws.
 */
import type { TunerWindow } from './types.ts'

const EVERY_WINDOWS = 10
const MOST_POINTS = 180
const MOST_ROUTES = 50
/** What is older is no longer told, also where a route has had no traffic since. */
const SPAN_MS = 30 * 60_000

export interface TimelinePoint {
  /** ms since 1970. */
  readonly t: number
  readonly scope: string
  /** Median and 95th percentile of the attempts in the last second with any, ms. */
  readonly p50Ms: number
  readonly p95Ms: number
  /** Requests in that second. */
  readonly requests: number
  /** Values in force by name. */
  readonly knobs: Readonly<Record<string, number>>
}

export class Timeline {
  readonly #byRoute = new Map<string, TimelinePoint[]>()
  readonly #last = new Map<string, { p50: number; p95: number; requests: number }>()
  #windows = 0

  add(window: TunerWindow, values: () => ReadonlyMap<string, Readonly<Record<string, number>>>): void {
    for (const [scope, { upP50 = 0, upP95 = 0, arrivals = 0 }] of Object.entries(window.routes ?? {})) {
      if (upP50 > 0 && (this.#byRoute.has(scope) || this.#last.size < MOST_ROUTES)) {
        this.#last.set(scope, { p50: upP50, p95: upP95, requests: arrivals })
      }
    }
    this.#windows++
    if (this.#windows % EVERY_WINDOWS !== 0) return
    const knobs = values()
    for (const [scope, { p50, p95, requests }] of this.#last) {
      if (!this.#byRoute.has(scope) && this.#byRoute.size >= MOST_ROUTES) continue
      const points = this.#byRoute.get(scope) ?? []
      points.push({ t: window.t, scope, p50Ms: p50, p95Ms: p95, requests, knobs: knobs.get(scope) ?? {} })
      if (points.length > MOST_POINTS) points.shift()
      this.#byRoute.set(scope, points)
    }
    this.#last.clear()
    this.#forget(window.t - SPAN_MS)
  }

  #forget(before: number): void {
    for (const [scope, points] of this.#byRoute) {
      const old = points.findIndex(({ t }) => t >= before)
      if (old === -1) this.#byRoute.delete(scope)
      else points.splice(0, old)
    }
  }

  /** Of one route, or of all. */
  points(route: string | null): readonly TimelinePoint[] {
    return route === null ? [...this.#byRoute.values()].flat() : (this.#byRoute.get(route) ?? [])
  }
}
