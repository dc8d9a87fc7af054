/**
 * Options of the proxy plugin in a bare Fastify app: which upstream answers, under which path, and what is changed in
 * the heads on the way. Times in milliseconds, sizes in bytes. The gateway gives the same per route.
 */
import { type Static, Type } from 'typebox'

const fieldRules = (what: string) =>
  Type.Object(
    {
      set: Type.Record(Type.String(), Type.String(), {
        default: {},
        description: `Fields put on ${what}, in place of fields of the same name.`,
      }),
      remove: Type.Array(Type.String(), { default: [], description: `Fields taken off ${what}.` }),
    },
    { additionalProperties: false, default: {} },
  )

export const headerRulesSchema = Type.Object(
  {
    host: Type.String({
      minLength: 1,
      default: 'preserve',
      description:
        '`preserve` sends the Host of the client, `upstream` the own name of the origin, any other text itself.',
    }),
    request: fieldRules('requests'),
    response: fieldRules('answers'),
  },
  { additionalProperties: false, default: {} },
)

export const proxyOptionsSchema = Type.Object(
  {
    upstream: Type.String({ minLength: 1, description: 'Name of the group of origins in `app.upstream`.' }),
    prefix: Type.String({
      default: '/',
      description: 'Path prefix that is proxied, on segment borders.',
    }),
    rewritePath: Type.Union([Type.String({ minLength: 1 }), Type.Null()], {
      default: null,
      description: 'Replaces the prefix on the way up; `/` strips it; null = the path goes up as it came.',
    }),
    trustedProxies: Type.Array(Type.String(), {
      default: [],
      description: 'Addresses and CIDRs whose X-Forwarded-* and Forwarded are believed; empty = nobody.',
    }),
    headers: headerRulesSchema,
    bodySize: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()], {
      default: null,
      description: 'Largest request body in bytes, 413 above; null = no limit.',
    }),
    bodyIdleMs: Type.Integer({
      minimum: 1,
      maximum: 2 ** 31 - 1,
      default: 30_000,
      description: 'Time without a byte of a request body before it is given up with 408.',
    }),
    direct: Type.Boolean({
      default: false,
      description:
        'Write answers that nobody changes straight to the socket. Faster, but the onSend hooks of the app do not see them.',
    }),
  },
  { additionalProperties: false },
)

export type HeaderRules = Static<typeof headerRulesSchema>
/** Of an app that proxies by handlers of its own. */
export const bareOptionsSchema = Type.Partial(proxyOptionsSchema, { additionalProperties: false })

export type ProxyOptions = Static<typeof proxyOptionsSchema>
