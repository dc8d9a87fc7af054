/**
 * Options of the upstream plugin: named groups of origins, how a connection to them is made, kept and given up. Times in
 * milliseconds, counts in whole numbers; the gateway's YAML takes its defaults from here.
 */
import { type Static, Type } from 'typebox'

/** Longest time a timer of Node can wait, in ms. */
const MAX_TIMER_MS = 2 ** 31 - 1

const time = (defaultMs: number, description: string, minimum = 1) =>
  Type.Integer({ minimum, maximum: MAX_TIMER_MS, default: defaultMs, description })

export const originSchema = Type.Object(
  {
    url: Type.String({
      minLength: 1,
      description:
        '`http://host:port`, `https://…`, `h2c://…` or `unix:/path/of/the.sock`; no path, query or credentials.',
    }),
    weight: Type.Integer({
      minimum: 1,
      maximum: 1000,
      default: 1,
      description: 'Share of the requests in relation to the other origins of the group.',
    }),
  },
  { additionalProperties: false },
)

export const upstreamTlsSchema = Type.Object(
  {
    verify: Type.Boolean({
      default: true,
      description: 'Check the certificate of the origin. False accepts any server that answers at the address.',
    }),
    ca: Type.Union([Type.String(), Type.Null()], {
      default: null,
      description: 'PEM text of the authority that signed the certificate; null = the authorities Node knows.',
    }),
    pin: Type.Union([Type.String({ pattern: '^[0-9a-f]{64}$' }), Type.Null()], {
      default: null,
      description: 'SHA-256 of the certificate (DER), 64 lower-case hex digits; null = no pin.',
    }),
    serverName: Type.Union([Type.String({ minLength: 1 }), Type.Null()], {
      default: null,
      description: 'Name sent as SNI and looked for in the certificate; null = the host of the URL.',
    }),
  },
  { additionalProperties: false, default: {} },
)

export const upstreamGroupSchema = Type.Object(
  {
    origins: Type.Array(originSchema, { minItems: 1, description: 'The servers that answer for this group.' }),
    balance: Type.Union(
      [Type.Literal('round_robin'), Type.Literal('least_requests'), Type.Literal('p2c'), Type.Literal('hash')],
      {
        default: 'round_robin',
        description:
          'How an origin is chosen: in turn by weight; the fewest running requests by weight; the better of two by running requests and time (p2c); always the same one for the same client (hash).',
      },
    ),
    maxSize: Type.Integer({
      minimum: 1,
      maximum: 65535,
      default: 100,
      description: 'Most connections to one origin.',
    }),
    minSize: Type.Integer({
      minimum: 0,
      maximum: 65535,
      default: 10,
      description: 'Warm connections kept to an origin that is healthy and in use; at most what it lately needed.',
    }),
    maxIdleMs: time(30_000, "Idle time of a kept connection; always below the origin's own keep-alive hint.", 0),
    ttlMs: time(300_000, 'Age of a connection, with jitter; an older one is closed as soon as it is idle.'),
    connectTimeoutMs: time(3_000, 'Time to connect, TLS included.'),
    headTimeoutMs: time(60_000, 'Time to the head of the answer, counted from the end of the request body.'),
    idleTimeoutMs: time(120_000, 'Time without a byte in the body of an answer. There is no limit on the whole.'),
    queueSize: Type.Integer({
      minimum: 0,
      maximum: 65535,
      default: 256,
      description: 'Requests that may wait for a connection when all are busy.',
    }),
    queueTimeoutMs: time(1_000, 'Time that a request may wait for a connection.'),
    ejectTimeMs: time(
      2_000,
      'An origin that refuses or fails is left out for this time, longer each time; never the last one. 0 = off.',
      0,
    ),
    probePath: Type.Union([Type.String({ pattern: '^/' }), Type.Null()], {
      default: null,
      description: 'Path that the origins are asked for now and then, on a connection of its own; null = they are not.',
    }),
    probeIntervalMs: time(10_000, 'Time between two such questions, give or take a tenth.', 100),
    probeStatus: Type.Union([Type.Integer({ minimum: 100, maximum: 599 }), Type.Null()], {
      default: null,
      description: 'The status that means well; null = any from 200 to 399.',
    }),
    http2: Type.Boolean({ default: true, description: 'Offer HTTP/2 to https origins by ALPN.' }),
    tcpNodelay: Type.Boolean({ default: true, description: 'Send small packets at once (TCP_NODELAY).' }),
    keepAlive: Type.Boolean({ default: true, description: 'Use a connection for more than one request.' }),
    client: Type.Union([Type.Literal('native'), Type.Literal('undici')], {
      default: 'native',
      description: "Who speaks HTTP/1.1 to the origins: this plugin's own connection, or undici's.",
    }),
    tls: upstreamTlsSchema,
  },
  // TypeBox fills in what is missing below a record only where the value's schema has a default itself.
  { additionalProperties: false, default: {} },
)

export const upstreamOptionsSchema = Type.Object(
  {
    upstreams: Type.Record(Type.String(), upstreamGroupSchema, {
      default: {},
      description: 'Groups of origins by name.',
    }),
  },
  { additionalProperties: false },
)

export type OriginOptions = Static<typeof originSchema>
export type UpstreamTlsOptions = Static<typeof upstreamTlsSchema>
export type UpstreamGroupOptions = Static<typeof upstreamGroupSchema>
export type UpstreamOptions = Static<typeof upstreamOptionsSchema>
