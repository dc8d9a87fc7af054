/** Routes for the tests of routing: what a test does not say is the default. */
import type { RoutingRule } from '../../../gateway/routing/index.ts'

export interface RuleText {
  readonly name?: string
  readonly host?: string | readonly string[]
  readonly path?: string
  readonly rewrite?: string
  readonly deny?: boolean
  readonly fault?: string
}

export function aRule(text: RuleText): RoutingRule {
  const hosts = typeof text.host === 'string' ? [text.host] : (text.host ?? ['*'])
  const path = text.path ?? '/'
  return {
    name: text.name ?? `${hosts.join(',')} ${path}`,
    match: { hosts, path },
    deny: text.deny ?? false,
    rewritePath: text.rewrite ?? null,
    fault: text.fault ?? null,
  }
}

export function rules(...texts: readonly RuleText[]): RoutingRule[] {
  return texts.map(aRule)
}
