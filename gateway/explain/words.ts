/**
 * The fixed words of routing in sentences for the person at the terminal. The types make a missing word a compile error.
 */
import type { BadReason, TargetFault, Verdict } from '../routing/index.ts'

/** Every reason for a 400 that the gateway itself gives. */
export type Malformed = TargetFault | BadReason

const malformed: Readonly<Record<Malformed, string>> = {
  'host-missing': 'the request names no host',
  'host-invalid': 'the host is neither a name nor an address',
  'port-invalid': 'the port is no number from 0 to 65535',
  'target-form': 'the target is neither a path nor an http(s) URL',
  'target-character': 'the target has a space, a control character or one that a client must escape',
  'target-fragment': 'the target has a "#" part, which is never sent',
  'path-not-absolute': 'the path does not begin with "/"',
  'dots-above-root': 'the path climbs above the root with ".."',
  'dots-hidden': 'a ".." shows only where a server decodes an encoded slash, a backslash or a path parameter',
  'dots-ambiguous': 'a ".." stands behind a segment that servers cut in different ways',
  'prefix-ambiguous': 'servers disagree on which segments the path has, and the readings belong to different routes',
  'asterisk-under-mount': '"OPTIONS *" asks for the whole server, but the route maps a path of it only',
}

const verdicts: Readonly<Record<Verdict, string>> = {
  won: 'takes the request',
  'host-differs': 'is for another host',
  'path-differs': 'is for another path',
  refused: 'not taken: the path is refused as malformed',
  'deny-wins': 'matches, but a deny rule wins over every route',
  'host-less-specific': 'matches, but a more specific host wins',
  'path-shorter': 'matches, but a longer path wins',
  'later-in-file': 'matches, but the same host and path stand earlier in the file',
}

export function explainMalformed(reason: string): string | null {
  return Object.hasOwn(malformed, reason) ? malformed[reason as Malformed] : null
}

export function explainVerdict(verdict: Verdict, deny: boolean): string {
  return verdict === 'won' && deny ? 'denies the request' : verdicts[verdict]
}
