/**
 * Fields that tell browsers to be careful, for apps that send none themselves: X-Content-Type-Options (Fetch §3.6),
 * Referrer-Policy, and who may show the app in a frame (RFC 7034, CSP frame-ancestors). What an app says is never changed.
 */
import type { AnswerRules } from '../../plugins/proxy/index.ts'
import type { RouteConfig } from '../config/types.ts'

/** A field that an answer gets where it has none that says something of the same matter. */
export interface Fill {
  readonly name: string
  readonly value: string
  /** True = the matter is frames, of which X-Frame-Options and a frame-ancestors of CSP both say something. */
  readonly isAboutFrames: boolean
}

/**
 * Whether a browser is told to believe a Content-Type that there is none of: it would show a page as text, and run no
 * script (Fetch §3.6, MIME Sniffing §7). Some apps never send one, and live by what browsers make of the bytes.
 */
function isWithoutMatter(name: string, names: ReadonlySet<string>): boolean {
  return name === NOSNIFF && !names.has('content-type')
}

const NOSNIFF = 'X-Content-Type-Options'

/** A directive of a policy, or of one of several in a list (CSP3 §2.2). */
const FRAME_ANCESTORS = /(?:^|[;,])\s*frame-ancestors(?:[\s;,]|$)/i

/** What a route wants to be filled in. A field that the route's own rules put on or take off is theirs. */
export function securityFills({ securityHeaders, headers }: Pick<RouteConfig, 'securityHeaders' | 'headers'>): Fill[] {
  if (securityHeaders === false) return []
  const { nosniff, referrer, frames } = securityHeaders
  const { set, remove } = headers.response
  const ruled = new Set([...Object.keys(set), ...remove].map(name => name.toLowerCase()))
  const fills = [
    ...(nosniff ? [fill(NOSNIFF, 'nosniff')] : []),
    ...(referrer === 'off' ? [] : [fill('Referrer-Policy', referrer)]),
    ...frameFills(frames),
  ]
  return fills.filter(({ name }) => !ruled.has(name.toLowerCase()))
}

function fill(name: string, value: string, isAboutFrames = false): Fill {
  return { name, value, isAboutFrames }
}

function frameFills(frames: Exclude<RouteConfig['securityHeaders'], false>['frames']): Fill[] {
  if (frames === 'any') return []
  if (frames === 'same_origin') return [fill('X-Frame-Options', 'SAMEORIGIN', true)]
  if (frames === 'deny') return [fill('X-Frame-Options', 'DENY', true)]
  // X-Frame-Options knows no list; a policy of its own only adds to one that the app has (CSP3 §8.1).
  return [fill('Content-Security-Policy', `frame-ancestors ${["'self'", ...frames].join(' ')}`, true)]
}

/** Fields that a route may set by name and that are meant for its pages, whoever makes them. */
const FOR_ALL_PAGES: ReadonlySet<string> = new Set([
  'permissions-policy',
  'referrer-policy',
  'strict-transport-security',
  'x-content-type-options',
  'x-frame-options',
])

/** The rules of a route with what they fill in, on the gateway's own pages as well. */
export function withFills(rules: AnswerRules, fills: readonly Fill[]): AnswerRules {
  const set = Object.entries(rules.set).map(([name, value]) => [name.toLowerCase(), value] as const)
  const pages = Object.fromEntries([
    ...fills.map(({ name, value }) => [name.toLowerCase(), value] as const),
    ...set.filter(([name]) => FOR_ALL_PAGES.has(name)),
  ])
  const told = Object.keys(pages).length === 0 ? rules : { ...rules, pages }
  return fills.length === 0 ? told : { ...told, amend: fields => addMissing(fields, fills) }
}

/** @param fields flat, of a final answer; grows */
export function addMissing(fields: string[], fills: readonly Fill[]): void {
  const names = new Set<string>()
  let saysFrames = false
  for (let i = 0; i < fields.length; i += 2) {
    const lower = (fields[i] as string).toLowerCase()
    names.add(lower)
    saysFrames ||= lower === 'x-frame-options'
    saysFrames ||= lower === 'content-security-policy' && FRAME_ANCESTORS.test(fields[i + 1] as string)
  }
  for (const { name, value, isAboutFrames } of fills) {
    const isSaid = isAboutFrames ? saysFrames : names.has(name.toLowerCase())
    if (!isSaid && !isWithoutMatter(name, names)) fields.push(name, value)
  }
}
