/**
 * The part of `hearthgate explain` about the cache, as lines for people.
 */
import type { CacheDecision, CacheSetting, RuledReason } from '../explain/index.ts'

/** Rows of a table with two columns: what is told, and the telling. */
export function cacheRows({ state, lookup, key, store, notes, settings }: CacheDecision): [string, string][] {
  if (state === 'off' || lookup === null || store === null) return [['off', 'cache: false']]
  return [
    ['looked up', `${lookup.happens ? 'yes' : 'no'}: ${told(lookup)}`],
    ...listed(
      'key',
      key.map(({ name, value }) => `${name}: ${value}`),
    ),
    ...listed('with', notes.map(told)),
    ...storeRows(store),
    ...settingRows(settings),
  ]
}

function storeRows({ possible, reason, unless }: NonNullable<CacheDecision['store']>): [string, string][] {
  if (reason !== null) return [['stored', `no: ${told(reason)}`]]
  if (!possible) return [['stored', 'no']]
  return [['stored', 'yes, unless the answer'], ...unless.map((each): [string, string] => ['', `- ${told(each)}`])]
}

/** What is set, and what is left as it is. */
function settingRows(settings: readonly CacheSetting[]): [string, string][] {
  const text = (isDefault: boolean): string =>
    settings
      .filter(setting => setting.isDefault === isDefault)
      .map(({ name, value }) => `${name} ${value}`)
      .join(', ')
  const rows: [string, string][] = [
    ['set', text(false)],
    ['default', text(true)],
  ]
  return rows.filter(([, value]) => value !== '')
}

function listed(heading: string, texts: readonly string[]): [string, string][] {
  return texts.map((text, i) => [i === 0 ? heading : '', text])
}

function told({ text, source }: RuledReason): string {
  return `${text} (${source})`
}
