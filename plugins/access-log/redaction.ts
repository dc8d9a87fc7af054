/**
 * The secrets of one app beside those that every app has: parameters by name, and path segments that stand behind a known
 * path, as webhooks and shared links have them.
 */
import type { Redaction } from '../contract/index.ts'
import { decodeAscii } from './percent.ts'
import { stemOf } from './secret-names.ts'

export type { Redaction }

/** @param entries names of parameters, and paths that begin and end with `/`. Null where there are none. */
export function compileRedaction(entries: readonly string[]): Redaction | null {
  if (entries.length === 0) return null
  const paths = entries.filter(entry => entry.startsWith('/'))
  return {
    names: new Set(entries.filter(entry => !entry.startsWith('/')).map(stemOf)),
    paths: paths.map(path => path.toLowerCase().split('/').filter(isFilled)),
  }
}

/** The URL with `hidden` in place of each segment behind one of the paths, wherever the path stands. */
export function hideSegments(url: string, paths: Redaction['paths'], hidden: string): string {
  const segments = url.split('/')
  // Empty segments and escapes are ways to spell the same path.
  const filled = [...segments.keys()].filter(i => isFilled(segments[i] as string))
  const plain = filled.map(i => decodeAscii(segments[i] as string).toLowerCase())
  for (const path of paths) {
    for (let at = 0; at + path.length < filled.length; at++) {
      if (!path.every((segment, i) => plain[at + i] === segment)) continue
      const behind = filled[at + path.length] as number
      segments[behind] = hidden + (segments[behind] as string).replace(/^[^?&#;]*/, '')
    }
  }
  return segments.join('/')
}

function isFilled(segment: string): boolean {
  return segment !== ''
}
