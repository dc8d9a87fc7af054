/**
 * Doors of an app that are meant for the machine itself: they know no login, so a gateway in front would open them to all.
 */
import { type Draft, findItemPath } from './draft.ts'
import { findPreset } from './presets.ts'

/** One finding, path and message, for each upstream that leads to such a port of the route's preset. */
export function unsafePorts(draft: Draft): [path: string, message: string][] {
  return draft.routes.flatMap(route => {
    const { preset } = route.blocks as { readonly preset: string | null }
    const ports = preset === null ? {} : (findPreset(preset)?.unsafePorts ?? {})
    return route.upstream.flatMap(({ url }): [string, string][] => {
      const reason = ports[/:(\d+)$/.exec(url)?.[1] ?? '']
      if (reason === undefined) return []
      const path = findItemPath(draft, `${route.path}.upstream`, value => (value as { url?: string })?.url === url)
      return [[path, `${url}: ${reason}`]]
    })
  })
}
