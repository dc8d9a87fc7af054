/**
 * Reads what somebody tells the tuner: one JSON object with an `action` and what belongs to it. Pure.
 */
import { KNOB_GROUPS, type KnobGroup, MODES, type Mode } from '../../plugins/tuner/index.ts'

export type TunerOrder =
  | { readonly action: 'pin'; readonly scope: string; readonly name: string; readonly value: number | undefined }
  | { readonly action: 'unpin'; readonly scope: string; readonly name: string }
  | { readonly action: 'mode'; readonly scope: string; readonly knob: KnobGroup | null; readonly mode: Mode }
  | { readonly action: 'freeze'; readonly frozen: boolean }
  | { readonly action: 'apply'; readonly scope: string | null; readonly name: string | null }
  | { readonly action: 'rollback' | 'reset' }
  | { readonly action: 'record'; readonly seconds: number }

export type OrderReading =
  | { readonly ok: true; readonly order: TunerOrder }
  | { readonly ok: false; readonly problem: string }

/** What belongs to each action beside it. */
const KEYS: Readonly<Record<TunerOrder['action'], readonly string[]>> = {
  pin: ['scope', 'name', 'value'],
  unpin: ['scope', 'name'],
  mode: ['scope', 'knob', 'mode'],
  freeze: ['frozen'],
  apply: ['scope', 'name'],
  rollback: [],
  reset: [],
  record: ['seconds'],
}
const DEFAULT_RECORD_S = 600

const refuse = (problem: string): OrderReading => ({ ok: false, problem })

export function readTunerOrder(body: unknown): OrderReading {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return refuse(ACTIONS)
  const { action, ...rest } = body as Record<string, unknown>
  if (typeof action !== 'string' || !Object.hasOwn(KEYS, action)) return refuse(ACTIONS)
  const known = KEYS[action as TunerOrder['action']]
  const unknown = Object.keys(rest).find(key => !known.includes(key))
  if (unknown !== undefined) {
    return refuse(
      `${JSON.stringify(unknown)} does not belong to ${action}, which takes ${known.join(', ') || 'nothing'}`,
    )
  }
  return readRest(action as TunerOrder['action'], rest)
}

const ACTIONS = `write { "action": … } with one of ${Object.keys(KEYS).join(', ')}`

function readRest(action: TunerOrder['action'], rest: Record<string, unknown>): OrderReading {
  const { scope, name, value, knob = null, mode, frozen = true, seconds = DEFAULT_RECORD_S } = rest
  const isText = (text: unknown): text is string => typeof text === 'string' && text !== ''
  switch (action) {
    case 'pin':
      if (!isText(scope) || !isText(name)) return refuse('pin needs a "scope" (route) and a "name" (knob)')
      if (value !== undefined && !Number.isFinite(value)) return refuse('"value" must be a number')
      return order({ action, scope, name, value: value as number | undefined })
    case 'unpin':
      return isText(scope) && isText(name) ? order({ action, scope, name }) : refuse('unpin needs "scope" and "name"')
    case 'mode':
      if (!isText(scope)) return refuse('mode needs a "scope" (route)')
      if (!isMode(mode)) return refuse(`"mode" must be one of ${MODES.join(', ')}`)
      if (knob !== null && !isGroup(knob)) return refuse(`"knob" must be one of ${KNOB_GROUPS.join(', ')}`)
      return order({ action, scope, knob, mode })
    case 'freeze':
      return typeof frozen === 'boolean' ? order({ action, frozen }) : refuse('"frozen" must be true or false')
    case 'apply':
      if ((scope ?? null) !== null && !isText(scope)) return refuse('"scope" must be the name of a route')
      if ((name ?? null) !== null && !isText(name)) return refuse('"name" must be the name of a knob')
      return order({ action, scope: isText(scope) ? scope : null, name: isText(name) ? name : null })
    case 'record':
      if (typeof seconds !== 'number' || !(seconds >= 1)) return refuse('"seconds" must be a number from 1')
      return order({ action, seconds })
    default:
      return order({ action })
  }
}

function order(read: TunerOrder): OrderReading {
  return { ok: true, order: read }
}

function isMode(word: unknown): word is Mode {
  return (MODES as readonly unknown[]).includes(word)
}

function isGroup(word: unknown): word is KnobGroup {
  return (KNOB_GROUPS as readonly unknown[]).includes(word)
}
