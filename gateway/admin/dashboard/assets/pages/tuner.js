/** The tuner: what it would change, its knobs beside the latency, where each stands, what it changed and why. */
import { ask, post } from '../api.js'
import { badge, card, h, table } from '../dom.js'
import { count, inUnit } from '../format.js'
import { every } from '../refresh.js'
import { knobTimelines } from './knob-timelines.js'
import { suggestions } from './suggestions.js'

/** Entries of the ledger that are shown. */
const MAX_ENTRIES = 50

export function tuner(main) {
  const mode = h('p', { class: 'lead' }, ' ')
  const said = h('p', { class: 'said', role: 'status' })
  const freeze = h('button', { type: 'button', 'aria-pressed': 'false' }, 'Freeze')
  const rollback = h('button', { type: 'button' }, 'Back to the last known good')
  const order = async body => {
    try {
      const { done, moved } = await post('api/tuner', body)
      said.replaceChildren(badge('done', 'good'), ` ${done}: ${count(moved)} ${moved === 1 ? 'knob' : 'knobs'} moved.`)
    } catch (error) {
      said.replaceChildren(badge('not done', 'bad'), ` ${error.message}`)
    }
    await refresh()
  }
  freeze.addEventListener('click', () =>
    order({ action: 'freeze', frozen: freeze.getAttribute('aria-pressed') !== 'true' }),
  )
  rollback.addEventListener('click', () => order({ action: 'rollback' }))

  const wouldChange = suggestions(order)
  const timelines = knobTimelines(() => refresh())
  const knobs = table([
    { label: 'Knob', full: true },
    { label: 'Route' },
    { label: 'Now', number: true },
    { label: 'Configured', number: true },
    { label: 'Bounds', number: true },
    { label: 'Mode' },
  ])
  const log = table([{ label: 'When' }, { label: 'What' }, { label: 'Why', full: true }, { label: 'Outcome' }])
  const body = h(
    'div',
    {},
    card('All knobs', h('div', { class: 'row' }, freeze, rollback), said),
    wouldChange.element,
    timelines.element,
    card('What it did', log.element),
    card('Knobs', knobs.element),
  )
  main.append(h('h1', {}, 'Tuner'), mode, body)

  const refresh = async () => {
    const query = new URLSearchParams({ timeline: timelines.route })
    const state = await ask(`api/tuner?${query}`).catch(error => (error.status === 404 ? null : Promise.reject(error)))
    body.hidden = state === null
    mode.textContent =
      state === null ? 'This gateway has no tuner: every setting stays as it is configured.' : modeText(state)
    if (state === null) return
    freeze.setAttribute('aria-pressed', String(state.frozen))
    freeze.textContent = state.frozen ? 'Frozen: let it go on' : 'Freeze'
    wouldChange.show(state.suggestions)
    timelines.show(state)
    knobs.show(state.knobs.map(knobCells), 'There is nothing to tune.')
    log.show(state.log.slice(-MAX_ENTRIES).toReversed().map(logCells), 'It has changed nothing yet.')
  }
  const stop = every(5000, refresh)
  return () => {
    stop()
    timelines.close()
  }
}

const modes = {
  off: 'It is switched off.',
  observe: 'It measures and changes nothing.',
  suggest: 'It says what it would do and changes nothing.',
  apply: 'It changes what it has evidence for, one small step at a time, and takes back what does not help.',
}

function modeText({ mode, frozen }) {
  const isHeld = frozen && mode === 'apply'
  return `Mode ${mode}. ${isHeld ? 'It is frozen: nothing moves until it is let go on, also after a restart.' : modes[mode]}`
}

function knobCells({ name, scope, value, configured, min, max, unit, words, mode, pinned }) {
  const now = inUnit(value, unit, words)
  return [
    h('code', {}, name),
    scope,
    value === configured ? now : badge(now, 'warn'),
    inUnit(configured, unit, words),
    words === undefined ? `${inUnit(min, unit)} to ${inUnit(max, unit)}` : words.join(', '),
    pinned ? badge('pinned') : mode,
  ]
}

function logCells({ t, target, knob, from, to, hypothesis, evidence, expected, measured, verdict }) {
  const numbers = Object.entries(evidence).map(([name, number]) => `${name} ${number}`)
  return [
    new Date(t).toLocaleString([], { hour12: false }),
    `${target} ${knob} ${spoken(from)} → ${spoken(to)}`,
    `${hypothesis} (${numbers.join(', ')}); expected: ${expected}`,
    measured === '' ? verdict : `${verdict}: ${measured}`,
  ]
}

/** A codec with its level is an object. */
function spoken(value) {
  return typeof value === 'object' ? JSON.stringify(value) : String(value ?? '')
}
