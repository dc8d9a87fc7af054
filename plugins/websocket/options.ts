/**
 * Options of the websocket plugin: where upgrades go and how long a tunnel may be silent. Times in milliseconds. What a
 * program gives as a function (`resolve`) is no part of the schema.
 */
import { type Static, Type } from 'typebox'

const time = (defaultMs: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1, default: defaultMs, description })

export const websocketOptionsSchema = Type.Object(
  {
    upstream: Type.Union([Type.String({ minLength: 1 }), Type.Null()], {
      default: null,
      description: 'Name of the group of origins in `app.upstream` that gets every upgrade; null = `resolve` decides.',
    }),
    idleMs: Type.Union([Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }), Type.Null()], {
      default: null,
      description: 'Time without a byte in either direction before a tunnel is closed; null = never.',
    }),
    headTimeoutMs: time(60_000, 'Time to the answer of the origin to the upgrade.'),
    keepAliveMs: time(30_000, 'Silence before TCP keep-alive asks whether the other side still lives.'),
    closeGraceMs: time(2_000, 'Time that tunnels get to end by themselves when the app closes.'),
    maxHeadBytes: Type.Integer({
      minimum: 1024,
      maximum: 1024 ** 2,
      default: 64 * 1024,
      description: 'Largest head of the answer of the origin, 502 above.',
    }),
  },
  { additionalProperties: false },
)

export type WebsocketOptions = Static<typeof websocketOptionsSchema>
