/** Every contender, in the order of the rounds. */
import { caddy } from './caddy.ts'
import { haproxy } from './haproxy.ts'
import { hearthgate, hearthgateLog } from './hearthgate.ts'
import { nginx, nginxBuffers } from './nginx.ts'
import { fastifyHttpProxy, fastifyReplyFrom, httpProxyFamily } from './node-proxies.ts'
import type { Contender } from './types.ts'

export type { Availability, Contender, Launch, Setting } from './types.ts'

export const CONTENDERS: readonly Contender[] = [
  nginx,
  nginxBuffers,
  haproxy,
  caddy,
  hearthgate,
  hearthgateLog,
  fastifyReplyFrom,
  fastifyHttpProxy,
  ...httpProxyFamily,
]
