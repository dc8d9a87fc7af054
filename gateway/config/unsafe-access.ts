/**
 * Hashes of passwords that are checked like others and guessed quickly by whoever gets hold of the file.
 */
import { readHash } from '../../plugins/access/index.ts'
import type { Draft, RouteDraft } from './draft.ts'
import type { RouteConfig } from './types.ts'

/** One finding, path and message, for each weak hash where it is written. */
export function unsafeAccess(draft: Draft): [path: string, message: string][] {
  return [...new Map(draft.routes.filter(({ deny }) => !deny).flatMap(route => weakHashes(draft, route)))]
}

function weakHashes(draft: Draft, { path, blocks }: RouteDraft): [string, string][] {
  const { access } = blocks as unknown as Pick<RouteConfig, 'access'>
  const users = access === false ? {} : (access.basic?.users ?? {})
  return Object.entries(users).flatMap(([name, text]): [string, string][] => {
    const reading = readHash(text)
    if (!reading.ok || reading.hash.weakness === null) return []
    const own = `${path}.access.basic.users.${name}`
    const place = draft.written.has(own) ? own : `defaults.access.basic.users.${name}`
    return [
      [place, `${reading.hash.weakness} is guessed quickly if it leaks: \`hearthgate password\` makes a better one`],
    ]
  })
}
