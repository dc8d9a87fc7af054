/**
 * Options of the tuner, and the settings of one route.
 */
import { type Static, Type } from 'typebox'
import { KNOB_GROUPS } from './apply/knob-map.ts'

export { KNOB_GROUPS }

export const MODES = ['off', 'observe', 'suggest', 'apply'] as const

const mode = Type.Union(
  [Type.Literal('off'), Type.Literal('observe'), Type.Literal('suggest'), Type.Literal('apply')],
  {
    default: 'apply',
    description:
      '`off`; `observe` (measure only); `suggest` (say what it would do); `apply`. Risky knobs stay on `suggest` unless `knobs` names them.',
  },
)

/** Without a default: a knob that is not named keeps its own. */
const ownMode = Type.Union([
  Type.Literal('off'),
  Type.Literal('observe'),
  Type.Literal('suggest'),
  Type.Literal('apply'),
])

const goal = Type.Object(
  {
    goodMs: Type.Number({ minimum: 0, default: 1000, description: 'An answer within this time is worth everything.' }),
    badMs: Type.Number({ minimum: 1, default: 10_000, description: 'An answer after this time is worth nothing.' }),
  },
  { additionalProperties: false, default: {} },
)

export const tunedRouteSchema = Type.Object(
  {
    upstream: Type.String({ description: 'Name of the group of origins.' }),
    server: Type.String({
      default: '',
      description:
        'Routes with the same word here go to the same origins: what holds for all of them is decided once. Left out: the upstream.',
    }),
    mode,
    knobs: Type.Partial(Type.Record(Type.Union(KNOB_GROUPS.map(name => Type.Literal(name))), ownMode), {
      default: {},
      description: 'A mode of its own for a knob.',
    }),
    goal,
    weight: Type.Number({ minimum: 0, default: 1, description: 'Worth of a request beside those of other routes.' }),
    contentType: Type.String({ default: '', description: 'Media type of most answers, where it is known.' }),
    identity: Type.String({ default: '', description: 'What is remembered is forgotten when this changes.' }),
  },
  { additionalProperties: false },
)

export const tunerOptionsSchema = Type.Object(
  {
    routes: Type.Record(Type.String(), tunedRouteSchema, { default: {}, description: 'What is tuned, by route.' }),
    policy: Type.Union([Type.Literal('measured'), Type.Literal('rules')], {
      default: 'measured',
      description:
        '`measured`: the controller. `rules`: the thresholds of the first sketch, kept for comparison; they make things worse.',
    }),
    intervalMs: Type.Integer({
      minimum: 1000,
      default: 300_000,
      description: 'Time between two decisions of `policy: rules`; the controller decides each second.',
    }),
    stateDir: Type.Union([Type.String(), Type.Null()], {
      default: null,
      description: 'Folder of the ledger; null = nothing is kept across restarts.',
    }),
  },
  { additionalProperties: false },
)

export type TunerOptions = Static<typeof tunerOptionsSchema>
export type TunedRoute = Static<typeof tunedRouteSchema>
/** Under which name the tuner knows what a route goes to. */
export function serverOf({ server, upstream }: Pick<TunedRoute, 'server' | 'upstream'>): string {
  return server === '' ? upstream : server
}

export type Mode = (typeof MODES)[number]
