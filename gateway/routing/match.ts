/** What routing says of a request. */

import type { PathFault } from '../../plugins/contract/index.ts'
import type { Rule } from './host-levels.ts'

/** Why a request was refused as malformed. */
export type BadReason = PathFault | 'prefix-ambiguous' | 'asterisk-under-mount'

/**
 * What happens to a request. `path` of a route is what goes upstream, without the query. Reasons are fixed words, fit
 * for a metric label: how the host matched, or what was wrong.
 */
export type Match<R> =
  | {
      readonly kind: 'route'
      readonly route: R
      readonly path: string
      readonly reason: `host-${Rule<R>['host']['kind']}`
    }
  | { readonly kind: 'denied'; readonly route: R; readonly reason: 'deny-rule' }
  | { readonly kind: 'none'; readonly reason: 'no-route-for-host' | 'no-route-for-path' }
  | { readonly kind: 'bad'; readonly status: 400; readonly reason: BadReason }
