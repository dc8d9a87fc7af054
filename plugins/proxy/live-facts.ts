/**
 * The facts of one proxied request while it runs: what the answer writes down, and what the exchange and the body
 * themselves know at the moment they are asked.
 */
import type { FollowedExchange } from '../upstream/index.ts'
import type { ProxyFacts } from './call.ts'

export class LiveFacts implements ProxyFacts {
  readonly upstream: string
  readonly startedMs = performance.now()
  headMs = 0
  status = 0
  bytesOut = 0
  way: 'direct' | 'framework' | null = null
  failure: string | null = null
  encoding: string | null = null
  isLongHeld = false
  exchange: FollowedExchange | null = null
  body: { readonly bytes: number } | null = null

  constructor(upstream: string) {
    this.upstream = upstream
  }

  get origin(): string | null {
    return this.exchange?.pool?.address.url ?? null
  }

  get attempts(): number {
    return this.exchange?.attempts ?? 0
  }

  get bytesIn(): number {
    return this.body?.bytes ?? 0
  }
}
