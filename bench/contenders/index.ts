/** Every contender, in the order of the rounds. */
import { caddy, caddyDefaults } from './caddy.ts'
import { haproxy } from './haproxy.ts'
import {
  hearthgate,
  hearthgateDisk,
  hearthgateEarlier,
  hearthgateLog,
  hearthgateObserved,
  hearthgateUnobserved,
} from './hearthgate.ts'
import { nginx, nginxBuffers, nginxLog } from './nginx.ts'
import { fastifyCompress, fastifyHttpProxy, fastifyReplyFrom, httpProxyFamily } from './node-proxies.ts'
import { squid } from './squid.ts'
import type { Contender } from './types.ts'
import { varnish } from './varnish.ts'

export { aboutOf, launchFor, takesPart } from './setup.ts'
export type { Availability, CacheSetting, Contender, Launch, Setting, TlsFiles } from './types.ts'

export const CONTENDERS: readonly Contender[] = [
  nginx,
  nginxBuffers,
  haproxy,
  varnish,
  squid,
  caddy,
  caddyDefaults,
  hearthgate,
  hearthgateDisk,
  hearthgateLog,
  fastifyReplyFrom,
  fastifyHttpProxy,
  fastifyCompress,
  ...httpProxyFamily,
]

/** Only where they are asked for by name: the gateway beside itself. */
export const OWN_CONTENDERS: readonly Contender[] = [
  hearthgateUnobserved,
  hearthgateObserved,
  hearthgateEarlier,
  nginxLog,
]
