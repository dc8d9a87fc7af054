/**
 * What keeps people out with another proxy, as this gateway has it: users with hashes that can be checked here, lists of
 * addresses in the order of nginx. What cannot be kept makes a route shut, never open.
 */
import { readHash } from '../../plugins/access/index.ts'
import { userName } from '../config/app-rules.ts'
import type { ImportedRoute, PathLists } from './types.ts'

type Guard = Pick<ImportedRoute, 'allow' | 'deny' | 'users' | 'isShut'>

export type Entry = readonly [name: string, hash: string]

/** Users of which none can be kept leave the route shut. `tell` gets a sentence for each that is not. */
export function guardOfUsers(
  entries: readonly Entry[],
  tell: (sentence: string) => void,
): Pick<Guard, 'users' | 'isShut'> {
  const users: Record<string, string> = {}
  for (const [name, text] of entries) {
    const hash = withoutBase64(text)
    const reading = readHash(hash)
    const named = userName(name)
    if (reading.ok && named.ok) users[name] = hash
    else
      tell(
        `the password of ${name} was not kept: ${reading.ok ? (named as { problem: string }).problem : reading.problem}`,
      )
  }
  return { users, isShut: Object.keys(users).length === 0 }
}

/** Caddy once wrote its hashes in base64. */
function withoutBase64(text: string): string {
  if (!/^[A-Za-z0-9+/]{40,}={0,2}$/.test(text)) return text
  const plain = Buffer.from(text, 'base64').toString('latin1')
  return /^\$2[aby]\$/.test(plain) ? plain : text
}

/** Lines of htpasswd, `name:hash`, as a file has them and labels join them by commas. */
export function htpasswdEntries(lines: readonly string[]): Entry[] {
  return lines
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(line => {
      const colon = line.indexOf(':')
      return colon === -1 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1)]
    })
}

/**
 * Lines of nginx, of which the first that holds decides; here `deny` wins, so that an exception from a `deny` is lost, and
 * nobody gets in by that. Without `deny all` at the end, whom no line names may come in.
 */
export function guardOfLines(
  lines: readonly (readonly [directive: string, address: string])[],
): Pick<Guard, 'allow' | 'deny' | 'isShut'> {
  const allow: string[] = []
  const deny: string[] = []
  for (const [directive, address] of lines) {
    if (address === 'all' && directive === 'allow') return { allow: [], deny, isShut: false }
    if (address === 'all') return { allow, deny, isShut: allow.length === 0 }
    ;(directive === 'allow' ? allow : deny).push(address)
  }
  return { allow: [], deny, isShut: false }
}

/** Where nobody comes in. */
export const NOBODY: PathLists = { allow: [], deny: ['0.0.0.0/0', '::/0'] }

/**
 * Rules for paths as visitors see them, for a route of `path`: here a rule means a path below that of its route. A rule that
 * cannot be said so shuts the route.
 */
export function pathsBelow(path: string, rules: ImportedRoute['paths']): Pick<ImportedRoute, 'paths' | 'isShut'> {
  const paths: Record<string, PathLists> = {}
  let isShut = false
  for (const [pattern, lists] of Object.entries(rules)) {
    const start = pattern.split('*', 1)[0] as string
    if (path === '/') paths[pattern] = lists
    else if (start.startsWith(`${path}/`)) paths[pattern.slice(path.length)] = lists
    // It may mean all of the route, or some of it by a pattern.
    else if (isUnder(path, pattern) || path.startsWith(start)) isShut = true
  }
  return { paths, isShut }
}

/** Whether all of the paths below `path` are of the pattern. */
export function isUnder(path: string, pattern: string): boolean {
  const plain = pattern.replace(/\/?\*$/, '')
  return path === plain || path.startsWith(`${plain}/`)
}

type Part = Partial<ImportedRoute>

/** Both parts hold. Of two guards of one kind the route cannot have both, so that it is shut. */
export function joined(before: Part, more: Part): Part {
  const isBoth = (key: 'allow' | 'users' | 'forwardAuth') =>
    Object.keys(before[key] ?? {}).length > 0 && Object.keys(more[key] ?? {}).length > 0
  const isTwice = isBoth('allow') || isBoth('users') || isBoth('forwardAuth')
  return {
    ...before,
    ...more,
    allow: filledOf(more.allow, before.allow),
    deny: [...(before.deny ?? []), ...(more.deny ?? [])],
    paths: { ...before.paths, ...more.paths },
    users: Object.keys(more.users ?? {}).length > 0 ? (more.users ?? {}) : (before.users ?? {}),
    requestHeaders: { ...before.requestHeaders, ...more.requestHeaders },
    answerHeaders: { ...before.answerHeaders, ...more.answerHeaders },
    isShut: before.isShut === true || more.isShut === true || isTwice,
  }
}

function filledOf(first: readonly string[] = [], second: readonly string[] = []): readonly string[] {
  return first.length > 0 ? first : second
}
