/**
 * Where the admin pages take their facts from: asked at each request, never kept.
 */
import type { FastifyInstance } from 'fastify'
import type { GatewayState } from '../app.ts'
import type { Problem } from '../config/types.ts'
import type { Listeners } from '../listeners/index.ts'

export interface AdminSources {
  readonly state: GatewayState
  readonly app: FastifyInstance
  generation(): number
  /** What the configuration in force was warned of. */
  warnings(): readonly Problem[]
  /** A stop was asked for: running requests end, new ones belong elsewhere. */
  isDraining(): boolean
  listeners(): Listeners
}
