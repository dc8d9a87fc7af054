/**
 * The last analyses of each route, oldest first.
 */
import type { RouteAnalysis } from './analysis.ts'

/** Analyses kept for each route. */
export const MAX_ANALYSES = 100

export class AnalysisHistory {
  readonly #byRoute = new Map<string, RouteAnalysis[]>()

  add(analysis: RouteAnalysis): void {
    const known = this.#byRoute.get(analysis.route) ?? []
    known.push(analysis)
    if (known.length > MAX_ANALYSES) known.shift()
    this.#byRoute.set(analysis.route, known)
  }

  last(route: string): RouteAnalysis | null {
    return this.#byRoute.get(route)?.at(-1) ?? null
  }

  all(): Record<string, readonly RouteAnalysis[]> {
    return Object.fromEntries(this.#byRoute)
  }

  /** Forgets routes that a reload has removed. */
  keepOnly(isKept: (route: string) => boolean): void {
    for (const route of this.#byRoute.keys()) if (!isKept(route)) this.#byRoute.delete(route)
  }
}
