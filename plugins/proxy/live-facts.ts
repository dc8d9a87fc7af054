/**
 * The facts of one proxied request while it runs: what the answer writes down, and what the exchange and the body
 * themselves know at the moment they are asked.
 */
import type { ProxyFacts } from './call.ts'

/** What an exchange tells about itself. */
export interface FollowedExchange {
  readonly attempts: number
  readonly pool: { readonly address: { readonly url: string } } | null
}

export class LiveFacts implements ProxyFacts {
  readonly upstream: string
  readonly startedMs = performance.now()
  headMs = 0
  status = 0
  bytesOut = 0
  way: 'direct' | 'framework' | null = null
  failure: string | null = null
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
