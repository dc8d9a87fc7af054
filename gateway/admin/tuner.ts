/**
 * The tuner over the admin API: where its knobs stand and why, and what a person tells it.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TunerStatus } from '../../plugins/tuner/index.ts'
import type { AdminSources } from './sources.ts'
import { readTunerOrder, type TunerOrder } from './tuner-order.ts'

export function addTunerEndpoints(app: FastifyInstance, { app: gateway }: AdminSources): void {
  app.get('/api/tuner', request => {
    const { log, timeline = null } = request.query as { log?: string; timeline?: string }
    return log === undefined ? gateway.tuner.status(timeline) : { log: gateway.tuner.log }
  })
  app.post('/api/tuner', { errorHandler: refuseBody }, (request, reply) => obey(request, reply, gateway))
}

function obey({ body }: FastifyRequest, reply: FastifyReply, gateway: FastifyInstance): unknown {
  const reading = readTunerOrder(body)
  if (!reading.ok) return reply.code(400).send({ error: reading.problem })
  const outcome = carryOut(reading.order, gateway)
  return 'error' in outcome ? reply.code(404).send(outcome) : outcome
}

type Outcome = { readonly done: string; readonly moved: number; readonly path?: string } | { readonly error: string }

function carryOut(order: TunerOrder, { tuner }: FastifyInstance): Outcome {
  const done = order.action
  switch (order.action) {
    case 'pin': {
      const isKnown = tuner.knobs.pin(order.scope, order.name, order.value, Date.now())
      tuner.pinsChanged()
      return isKnown ? { done, moved: order.value === undefined ? 0 : 1 } : noKnob(order, tuner.status())
    }
    case 'unpin': {
      const isKnown = tuner.knobs.pins.delete(order.scope, order.name)
      tuner.pinsChanged()
      return isKnown ? { done, moved: 0 } : noKnob(order, tuner.status())
    }
    case 'mode':
      return tuner.knobs.setMode(order.scope, order.knob, order.mode) ? { done, moved: 0 } : noRoute(order.scope)
    case 'freeze':
      tuner.freeze(order.frozen)
      return { done, moved: 0 }
    case 'apply': {
      const { scope, name } = order
      const status = tuner.status()
      const { knobs } = status
      if (scope !== null && !knobs.some(knob => knob.scope === scope)) return noRoute(scope)
      if (scope !== null && name !== null && !knobs.some(knob => knob.scope === scope && knob.name === name)) {
        return noKnob({ scope, name }, status)
      }
      const isWanted = (route: string, knob: string) =>
        (scope === null || scope === route) && (name === null || name === knob)
      return { done, moved: tuner.applySuggestions(isWanted) }
    }
    case 'rollback':
      return { done, moved: tuner.rollback() }
    case 'reset':
      return { done, moved: tuner.reset() }
    case 'record': {
      const path = tuner.record(order.seconds)
      return path === null ? { error: 'there is no state_dir to record into' } : { done, moved: 0, path }
    }
  }
}

function noRoute(scope: string): Outcome {
  return { error: `there is no route ${JSON.stringify(scope)}` }
}

function noKnob({ scope, name }: { scope: string; name: string }, { knobs }: TunerStatus): Outcome {
  const own = knobs.filter(knob => knob.scope === scope)
  if (own.length === 0) return noRoute(scope)
  const meant = own.filter(({ knob }) => knob === name)
  const names = (meant.length === 0 ? own : meant).map(each => each.name).join(', ')
  const hint = meant.length === 0 ? 'it has' : `${JSON.stringify(name)} stands for`
  return { error: `route ${JSON.stringify(scope)} has no knob ${JSON.stringify(name)}: ${hint} ${names}` }
}

/** A body that is no JSON, or too large, is refused in the same form as everything else. */
function refuseBody({ statusCode = 500, message }: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  reply.code(statusCode).send({ error: message })
}
