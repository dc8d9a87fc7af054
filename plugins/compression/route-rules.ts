/**
 * What holds on one route, in the form that requests use, and its knobs: ceilings of the levels that the tuner may move.
 */
import { clampToBounds, type Tunables } from '../contract/index.ts'
import { isAvailable, maxLevel } from './codec/codecs.ts'
import type { CompressionOptions } from './options.ts'
import type { RequestRouteRules } from './requests/decide-request.ts'
import { rememberedChoice, rememberedNeed } from './rules/accept-encoding.ts'
import { rememberedVerdict, type TypeVerdict } from './rules/content-type.ts'
import type { AnswerRules } from './rules/decide.ts'
import { defaultCeiling, leastCeiling, levelOnScale } from './rules/levels.ts'
import {
  allCodings,
  type Coding,
  type ContentClass,
  type LevelMap,
  type RequestRules,
  type RouteCompression,
} from './rules/types.ts'

const names: Readonly<Record<CompressionOptions['algorithms'][number], Coding>> = {
  zstd: 'zstd',
  brotli: 'br',
  gzip: 'gzip',
}

/** Options as a program or a configuration gives them. */
export interface RouteOptions {
  readonly minSize: number
  readonly algorithms: readonly (keyof typeof names)[]
  readonly levelMap: LevelMap
  readonly types: readonly string[]
  readonly requests: {
    readonly decode: boolean
    readonly maxSize: number | null
    readonly maxRatio: number
    readonly encode: 'off' | 'advertised' | readonly (keyof typeof names)[]
  }
}

/** The options of a route by the names of the wire. */
export function routeCompression(route: string, options: RouteOptions): RouteCompression {
  const { minSize, algorithms, levelMap, types } = options
  const { decode, maxSize: maxBytes, maxRatio, encode } = options.requests
  const requests = { decode, maxBytes, maxRatio, encode: typeof encode === 'string' ? encode : codingsNamed(encode) }
  return { route, minSize, codings: codingsNamed(algorithms), levelMap, types, requests }
}

function codingsNamed(list: readonly (keyof typeof names)[]): Coding[] {
  return [...new Set(list.map(name => names[name]))].filter(isAvailable)
}

const knobs: Readonly<Record<Coding, string>> = { gzip: 'gzip_level', br: 'brotli_level', zstd: 'zstd_level' }

export class RouteRules implements AnswerRules, RequestRouteRules {
  readonly settings: RouteCompression
  readonly minSize: number
  readonly levelMap: LevelMap
  readonly codings: readonly Coding[]
  readonly requests: RequestRules
  readonly judge: (contentType: string | null) => TypeVerdict
  readonly choose: (accept: string | undefined) => string | null
  readonly needsPlain: (accept: string | undefined, coding: string) => boolean
  readonly #ceilings: Record<Coding, number> = { ...defaultCeiling }

  constructor(settings: RouteCompression) {
    this.settings = settings
    this.minSize = settings.minSize
    this.levelMap = settings.levelMap
    this.codings = settings.codings
    this.requests = settings.requests
    this.judge = rememberedVerdict(settings.types)
    this.choose = rememberedChoice(settings.codings)
    this.needsPlain = rememberedNeed()
  }

  /** Highest level on the fly for a class: the lower of the knob and what `level_map` says. */
  ceiling(coding: Coding, contentClass: ContentClass): number {
    return Math.min(this.#ceilings[coding], levelOnScale(coding, this.levelMap[contentClass]))
  }

  declare(tunables: Tunables): void {
    for (const coding of allCodings) {
      const bounds = { min: leastCeiling[coding], max: maxLevel(coding), step: 1 }
      tunables.declare({
        name: `compression.${knobs[coding]}`,
        scope: this.settings.route,
        unit: 'level',
        ...bounds,
        configured: defaultCeiling[coding],
        get: () => this.#ceilings[coding],
        set: value => {
          this.#ceilings[coding] = clampToBounds(bounds, value)
        },
      })
    }
  }
}

/** The rules of every route in use. */
export class RulesBook {
  readonly #tunables: Tunables
  readonly #routes = new Map<string, RouteRules>()

  constructor(tunables: Tunables) {
    this.#tunables = tunables
  }

  /** A reload brings new settings for the same route: the old rules go, and with them what was tuned. */
  of(settings: RouteCompression): RouteRules {
    const known = this.#routes.get(settings.route)
    if (known?.settings === settings) return known
    const made = new RouteRules(settings)
    made.declare(this.#tunables)
    this.#routes.set(settings.route, made)
    return made
  }
}
