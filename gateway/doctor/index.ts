/**
 * The doctor: asks the real app, directly and through the gateway, and says of each check whether it is well and which line
 * cures it. It changes nothing: what is asked is safe by its method, or can never become a whole request.
 */
import type { RouteConfig } from '../config/types.ts'
import { type Examination, fail, onRoute, skip } from './findings.ts'
import { type GatewayView, gatherRoute } from './gather/index.ts'
import { judgeRoute } from './judge.ts'

export { type Examination, type Finding, isWell } from './findings.ts'
export type { GatewayView } from './gather/index.ts'
export { findingsText } from './show.ts'

/** Never rejects for what an app does; rejects where the gateway cannot be asked any more. */
export async function examine(gateway: GatewayView, route: RouteConfig): Promise<Examination> {
  const { name, deny, fault } = route
  if (deny)
    return { route: name, address: null, findings: [{ check: 'gateway', ...skip('it is denied to everybody') }] }
  if (fault !== null) {
    const verdict = fail(`it is not served: ${fault}`, onRoute(route, 'hearthgate check says what to write'))
    return { route: name, address: null, findings: [{ check: 'gateway', ...verdict }] }
  }
  const facts = await gatherRoute(gateway, route)
  const address = facts.door === null ? null : facts.door.origin + route.match.path
  return { route: name, address, findings: judgeRoute(facts) }
}
