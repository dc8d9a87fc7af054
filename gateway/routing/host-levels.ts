/**
 * The rules of a routing table by host: for every host the levels that apply to it, most specific first (exact name,
 * then `*.name` from the longest to the shortest, then `*`). Levels are chained once when the table is made.
 */
import type { HostPattern } from './host.ts'
import type { Mount } from './mount.ts'
import { PathIndex } from './path-index.ts'

/** One route under one of its hosts. */
export interface Rule<R> {
  readonly route: R
  readonly mount: Mount
  readonly host: HostPattern
}

/** The rules of one host pattern. `loose` holds the same rules as `strict`, by the form that all readings share. */
export interface HostLevel<R> {
  readonly host: HostPattern
  readonly strict: PathIndex<Rule<R>>
  readonly loose: PathIndex<Rule<R>>
  readonly denies: PathIndex<Rule<R>>
}

/** What applies to a host: its levels, most specific first, and the deny rules of all of them. */
export interface HostChain<R> {
  readonly levels: readonly HostLevel<R>[]
  readonly denies: readonly PathIndex<Rule<R>>[]
}

/** Chains of levels by host name, by the name under a wildcard, and for every other host. */
export class HostLevels<R> {
  readonly #exact = new Map<string, HostLevel<R>>()
  readonly #wildcard = new Map<string, HostLevel<R>>()
  readonly #any: HostLevel<R> = createLevel({ kind: 'any', name: '' })
  readonly #exactChains = new Map<string, HostChain<R>>()
  readonly #wildcardChains = new Map<string, HostChain<R>>()
  readonly #anyChain: HostChain<R>

  constructor(rules: Iterable<{ readonly rule: Rule<R>; readonly deny: boolean }>) {
    for (const { rule, deny } of rules) addRule(this.#levelOf(rule.host), rule, deny)
    for (const level of this.#exact.values()) this.#exactChains.set(level.host.name, this.#chain(level))
    for (const level of this.#wildcard.values()) this.#wildcardChains.set(level.host.name, this.#chain(level))
    this.#anyChain = createChain([this.#any])
  }

  /** The chain for a normalised host name. */
  find(name: string): HostChain<R> {
    const exact = this.#exactChains.get(name)
    if (exact !== undefined) return exact
    if (this.#wildcardChains.size === 0) return this.#anyChain
    for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
      const chain = this.#wildcardChains.get(name.slice(dot + 1))
      if (chain !== undefined) return chain
    }
    return this.#anyChain
  }

  #levelOf(host: HostPattern): HostLevel<R> {
    if (host.kind === 'any') return this.#any
    const levels = host.kind === 'exact' ? this.#exact : this.#wildcard
    const level = levels.get(host.name) ?? createLevel<R>(host)
    levels.set(host.name, level)
    return level
  }

  #chain(first: HostLevel<R>): HostChain<R> {
    const levels = [first]
    const name = first.host.name
    for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
      const wildcard = this.#wildcard.get(name.slice(dot + 1))
      if (wildcard !== undefined) levels.push(wildcard)
    }
    levels.push(this.#any)
    return createChain(levels)
  }
}

function createLevel<R>(host: HostPattern): HostLevel<R> {
  return { host, strict: new PathIndex(), loose: new PathIndex(), denies: new PathIndex() }
}

function createChain<R>(levels: readonly HostLevel<R>[]): HostChain<R> {
  return {
    levels: levels.filter(level => level.strict.size > 0),
    denies: levels.filter(level => level.denies.size > 0).map(level => level.denies),
  }
}

function addRule<R>(level: HostLevel<R>, rule: Rule<R>, deny: boolean): void {
  if (deny) {
    level.denies.add(rule.mount.looseKey, rule)
  } else {
    level.strict.add(rule.mount.key, rule)
    level.loose.add(rule.mount.looseKey, rule)
  }
}
