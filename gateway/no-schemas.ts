/**
 * For apps whose routes have no JSON schemas, as all of the gateway's: Fastify would load the compilers for them at the start,
 * 100 modules that nobody calls.
 */
import type { FastifyServerOptions } from 'fastify'

function refuse(): never {
  throw new Error(
    'routes of the gateway have no schemas: take no-schemas.ts out of the app before giving one to a route',
  )
}

export const noSchemas: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: { buildValidator: refuse, buildSerializer: refuse },
}
