/**
 * The blocks that may stand on a route and under `defaults`. Where a key means the same as an option of a plugin, its
 * default is taken from there.
 */
import { resolveOptions } from '../../plugins/contract/index.ts'
import { proxyOptionsSchema } from '../../plugins/proxy/options.ts'
import { upstreamGroupSchema } from '../../plugins/upstream/options.ts'
import { websocketOptionsSchema } from '../../plugins/websocket/options.ts'
import { accessBlock } from './access-schema.ts'
import { admissionBlock, bandwidthBlock } from './admission-schema.ts'
import { appBlocks } from './app-schema.ts'
import { cacheBlock } from './cache-schema.ts'
import { compressionBlock } from './compression-schema.ts'
import { healthBlock } from './health-schema.ts'
import {
  block,
  duration,
  flag,
  integer,
  type Kind,
  list,
  map,
  size,
  switchable,
  text,
  UNWRITTEN,
  word,
} from './kinds.ts'
import { rateLimitBlock } from './rate-limit-schema.ts'
import { retryBlock } from './retry-schema.ts'
import { securityBlock } from './security-schema.ts'
import { tunerBlock } from './tuner-schema.ts'
import { formatDuration, MAX_DURATION_MS } from './units.ts'

const group = resolveOptions('upstream', upstreamGroupSchema, { origins: [{ url: 'builtin:demo' }] })
const proxy = resolveOptions('proxy', proxyOptionsSchema, { upstream: 'demo' })
const websocket = resolveOptions('websocket', websocketOptionsSchema, {})
const HOUR = 3_600_000

const connectionPools = block(
  'connection_pools',
  {
    max_size: integer({
      min: 1,
      max: 65535,
      default: group.maxSize,
      description: 'Most connections to one origin.',
    }),
    min_size: integer({
      min: 0,
      max: 65535,
      default: group.minSize,
      description: 'Warm connections kept to an origin that is healthy and in use; at most what it lately needed.',
    }),
    max_idle: duration({
      min: 0,
      max: MAX_DURATION_MS,
      default: formatDuration(group.maxIdleMs),
      description: "Idle time of a kept connection; always below the origin's own keep-alive hint.",
    }),
    ttl: duration({
      min: 1000,
      max: MAX_DURATION_MS,
      default: formatDuration(group.ttlMs),
      description: 'Age of a connection; an older one is closed as soon as it is idle.',
    }),
  },
  { description: 'Connections to the origins; `false` = none is kept.' },
)

const requestOptimization = block(
  'request_optimization',
  {
    batch_size: integer({ min: 1, max: 100, default: 10, description: 'Sub-requests of one batch call.' }),
    max_concurrent: integer({ min: 1, max: 100, default: 5, description: 'Sub-requests of a batch that run at once.' }),
    timeout: duration({
      min: 1,
      max: MAX_DURATION_MS,
      default: '30s',
      description:
        'Bounds one attempt: connect and wait for the head of the answer, counted from the end of the request body. `limits.response_timeout` replaces it. Bodies are bounded by idle time only.',
    }),
    retry_attempts: integer({
      min: 1,
      max: 10,
      default: 3,
      description: 'Attempts in all, under a retry budget; 1 = never again.',
    }),
  },
  { description: 'Timing of requests and the batch API; `false` = one attempt, and batches of one.' },
)

const protocol = block(
  'protocol',
  {
    http2_enabled: flag({ default: group.http2, description: 'Offer HTTP/2 to https origins by ALPN.' }),
    tcp_nodelay: flag({ default: group.tcpNodelay, description: 'Send small packets at once (TCP_NODELAY).' }),
    keep_alive: flag({
      default: group.keepAlive,
      description: 'Use a connection to an origin more than once.',
    }),
    websocket_enabled: flag({ default: true, description: 'Let WebSockets through, on any path.' }),
    client: word(['native', 'undici'], {
      default: group.client,
      description: "Who speaks HTTP/1.1 to the origins: the gateway's own connection, or undici's.",
    }),
  },
  { description: 'How the gateway talks to the origins; `false` = all that can be switched is off.' },
)

const limits = block(
  'limits',
  {
    body_size: size({
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      words: { none: null },
      default: proxy.bodySize ?? 'none',
      description: 'Largest body of a request, 413 above; `none` = no limit.',
    }),
    connect_timeout: duration({
      min: 1,
      max: HOUR,
      default: formatDuration(group.connectTimeoutMs),
      description: 'Time to connect to an origin, TLS included.',
    }),
    response_timeout: duration({
      min: 1,
      max: MAX_DURATION_MS,
      description:
        'Time to the head of the answer, counted from the end of the request body. Replaces `request_optimization.timeout`.',
    }),
    idle_timeout: duration({
      min: 1,
      max: MAX_DURATION_MS,
      default: formatDuration(group.idleTimeoutMs),
      description: 'Time without a byte in the body of an answer.',
    }),
    websocket_idle: duration({
      min: 1,
      max: MAX_DURATION_MS,
      words: { none: null },
      default: websocket.idleMs === null ? 'none' : formatDuration(websocket.idleMs),
      description: 'Time without a byte in either direction of a WebSocket before it is closed; `none` = never.',
    }),
  },
  { description: 'Limits of requests on a route; `false` = none but the time limits, which hold on.' },
)

const fields = (name: string, what: string, values: string): Kind =>
  block(
    name,
    {
      set: map(text('fieldValue', { lenient: true, description: 'Value of the field.' }), {
        names: 'fieldName',
        default: {},
        description: `Fields put on ${what}, in place of fields of the same name.${values}`,
      }),
      remove: list(text('fieldName', { description: 'Name of a field.' }), {
        default: [],
        description: `Fields taken off ${what}.`,
      }),
    },
    { description: `Changes to the head of ${what}.` },
  )

const headers = block(
  'headers',
  {
    host: text('hostRule', {
      default: proxy.headers.host,
      description:
        "Host that the origin sees: `preserve` = the client's, `upstream` = the origin's own name, or a text.",
      examples: ['preserve', 'upstream'],
    }),
    location: word(['public', 'keep'], {
      default: 'public',
      description:
        'Location and Refresh of answers: `public` = an address by which only the app knows itself is told as the client knows it, `keep` = as it came.',
    }),
    cookie_path: word(['public', 'keep'], {
      default: 'public',
      description:
        'Path of cookies under `rewrite_path`: `public` = one that browsers would not send back to the route is told as they know it, `keep` = as it came.',
    }),
    request: fields(
      'request',
      'requests',
      ' In values stand {proto}, {host}, {address} and {prefix} for what the client used; an empty value sends no field.',
    ),
    response: fields('response', 'answers', ''),
  },
  { description: "Header rules, applied after the gateway's own (X-Forwarded-*, Via, hop-by-hop); `false` = none." },
)

const upstreamTls = block(
  'tls',
  {
    verify: flag({
      default: group.tls.verify,
      description: 'Check the certificate of https origins. False accepts any server.',
    }),
    ca: text('file', {
      absent: null,
      description: 'PEM file of the authority that signed the certificate of the origin.',
    }),
    pin: text('pin', { absent: null, description: 'SHA-256 of the certificate of the origin, 64 hex digits.' }),
    server_name: text('hostName', {
      absent: null,
      description: 'Name for SNI and for the check of the certificate; without it the host of the upstream.',
    }),
  },
  { description: 'TLS towards https origins.' },
)

/** Every block of a route in the order of the documentation. */
export const routeBlocks: Readonly<Record<string, Kind>> = {
  connection_pools: switchable(connectionPools, { minSize: 0, maxIdleMs: 0 }),
  request_optimization: switchable(requestOptimization, { batchSize: 1, maxConcurrent: 1, retryAttempts: 1 }),
  protocol: switchable(protocol, {
    http2Enabled: false,
    tcpNodelay: false,
    keepAlive: false,
    websocketEnabled: false,
  }),
  limits: switchable(limits, { bodySize: null, websocketIdleMs: null }),
  health: switchable(healthBlock, { ejectTimeMs: 0, holdMs: 0, probe: null }),
  headers: switchable(headers, UNWRITTEN),
  tls: upstreamTls,
  balance: word(['round_robin', 'least_requests', 'p2c', 'hash_client', 'hash_cookie'], {
    default: group.balance,
    description:
      'How one of several origins is chosen: in turn by weight, the fewest running requests, the better of two by requests and time (p2c), or always the same one for a client or a cookie.',
  }),
  balance_cookie: text('cookieName', { default: 'session', description: 'The cookie that `hash_cookie` goes by.' }),
  cache: switchable(cacheBlock, false),
  compression: switchable(compressionBlock, false),
  access: accessBlock,
  rate_limit: rateLimitBlock,
  security_headers: securityBlock,
  retry: switchable(retryBlock, false),
  ...appBlocks,
  admission: switchable(admissionBlock, false),
  batch: flag({
    default: false,
    description: 'Take part in batch calls: POST `/_hearthgate/batch` below the path of the route.',
  }),
  tuner: switchable(tunerBlock, { mode: 'off' }),
  bandwidth: switchable(bandwidthBlock, { perClient: null, perRoute: null }),
}
