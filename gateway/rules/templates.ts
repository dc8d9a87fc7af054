/**
 * Values of header fields that differ from request to request: `{proto}`, `{host}`, `{address}` and `{prefix}` stand for
 * what the client used. A value that comes out empty sends no field.
 */
import type { ClientFacts, FieldRules } from '../../plugins/proxy/index.ts'

const PLACE = /\{(proto|host|address|prefix)\}/g

export function hasTemplates(rules: FieldRules): boolean {
  return Object.values(rules.set).some(value => value.search(PLACE) !== -1)
}

/** @param prefix path that was taken off, or null */
export function fillTemplates(rules: FieldRules, client: ClientFacts, prefix: string | null): FieldRules {
  const { proto, host, address } = client
  const words: Readonly<Record<string, string>> = { proto, host, address, prefix: prefix ?? '' }
  const filled = Object.entries(rules.set).map(([name, value]) => {
    return [name, value.replace(PLACE, (_whole, word: string) => words[word] ?? '')] as const
  })
  const empty = filled.filter(([, value]) => value === '').map(([name]) => name)
  const set = Object.fromEntries(filled.filter(([, value]) => value !== ''))
  return { set, remove: [...rules.remove, ...empty] }
}
