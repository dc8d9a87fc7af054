/** Routing: from a request target and a Host to one route and the path that it sends upstream. Pure, no sockets. */

export type { PathFault } from '../../plugins/contract/index.ts'
export type { Considered, Explanation, Verdict } from './explain.ts'
export type { HostDecision, HostFault, HostPattern } from './host.ts'
export { matchesHost, parseHost, parseHostPattern } from './host.ts'
export type { BadReason, Match } from './match.ts'
export type { RouteTable, RoutingRule } from './table.ts'
export { compileRoutes, routingProblem } from './table.ts'
export type { TargetDecision, TargetFault } from './target.ts'
export { parseTarget } from './target.ts'
