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
  if (base === '' || !path.startsWith(base)) return path
  return path.length === base.length ? '/' : path.slice(base.length)
}
