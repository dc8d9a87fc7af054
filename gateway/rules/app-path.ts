/**
 * Paths as the app behind a route sees them below its own root: rules about an app mean these, wherever it is mounted.
 */
import type { RouteConfig } from '../config/types.ts'

/** What stands in front of the app's paths at the origin; empty where nothing does. */
export function appBase({ match, rewritePath }: Pick<RouteConfig, 'match' | 'rewritePath'>): string {
  return (rewritePath ?? match.path).replace(/\/+$/, '')
}

/** `path` as it goes to the origin, without the base; always begins with a slash. */
export function pathInApp(base: string, path: string): string {
  if (base === '' || path === '*') return path
  // The base may be spelled with raw bytes or escapes; it has as many segments in every spelling.
  let at = base.length
  if (!path.startsWith(base)) {
    at = 0
    for (let i = 0; i < base.length && at !== -1; i++) if (base[i] === '/') at = path.indexOf('/', at + 1)
  }
  return at === -1 || path.length === at ? '/' : path.slice(at)
}

/** Targets of the app's start page as they go to the origin. */
export function startPages(base: string): string[] {
  return [`${base}/`, `${base}/index.html`, ...(base === '' ? [] : [base])]
}
