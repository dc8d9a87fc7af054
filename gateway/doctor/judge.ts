/** Every judge by its check: facts in, findings out, in the order in which they are told. Pure. */
import type { RouteFacts } from './facts.ts'
import { CHECKS, type Check, type Finding, type Verdict } from './findings.ts'
import { judgeApp } from './judges/app.ts'
import { judgeCaching, judgeCompression } from './judges/assets.ts'
import { judgeRanges, judgeUpload, judgeWebdav } from './judges/bodies.ts'
import { judgeCookies, judgeMixedContent } from './judges/browser.ts'
import { judgeSse, judgeTimes, judgeWebsocket } from './judges/live.ts'
import { judgeGateway, judgePrefix, judgeReach } from './judges/reach.ts'
import { judgeCertificate, judgeClock } from './judges/times.ts'
import { judgeHost, judgeOriginCheck, judgeTrust } from './judges/trust.ts'

const JUDGES: Readonly<Record<Check, (facts: RouteFacts) => Verdict>> = {
  reach: judgeReach,
  gateway: judgeGateway,
  prefix: judgePrefix,
  host: judgeHost,
  'origin-check': judgeOriginCheck,
  'trusted-proxy': judgeTrust,
  app: judgeApp,
  websocket: judgeWebsocket,
  sse: judgeSse,
  'time-limits': judgeTimes,
  ranges: judgeRanges,
  upload: judgeUpload,
  webdav: judgeWebdav,
  compression: judgeCompression,
  caching: judgeCaching,
  cookies: judgeCookies,
  'mixed-content': judgeMixedContent,
  certificate: judgeCertificate,
  clock: judgeClock,
}

export function judgeRoute(facts: RouteFacts): Finding[] {
  return CHECKS.map(check => ({ check, ...JUDGES[check](facts) }))
}
