/** The suites of `cases.json`, and the choice of cases by id. */
import { readFileSync } from 'node:fs'
import type { CacheCase, Suite } from './types.ts'

const file = new URL('./cases.json', import.meta.url)

export const suites: readonly Suite[] = JSON.parse(readFileSync(file, 'utf8')).suites
export const allCases: readonly CacheCase[] = suites.flatMap(({ tests }) => tests)

/** The named cases and what they rest on, in the order of the file. Throws on an unknown id. */
export function choose(ids: readonly string[]): readonly CacheCase[] {
  const chosen = new Set<string>()
  const add = (id: string): void => {
    const one = allCases.find(other => other.id === id)
    if (one === undefined) throw new Error(`no such case: ${id}`)
    chosen.add(id)
    for (const other of one.depends_on ?? []) add(other)
  }
  for (const id of ids) add(id)
  return allCases.filter(({ id }) => chosen.has(id))
}
