/** The tuner: its knobs and where they stand, what it changed and why. */
import { ask } from '../api.js'
import { badge, card, h, table } from '../dom.js'
import { count } from '../format.js'
import { every } from '../refresh.js'

export function tuner(main) {
  const mode = h('p', { class: 'lead' }, ' ')
  const knobs = table([
    { label: 'Knob', full: true },
    { label: 'Route' },
    { label: 'Now', number: true },
    { label: 'Configured', number: true },
    { label: 'Bounds', number: true },
    { label: 'Mode' },
    { label: 'Proposal' },
  ])
  const log = table([{ label: 'When' }, { label: 'What' }, { label: 'Why', full: true }, { label: 'Outcome' }])
  const body = h('div', {}, card('Knobs', knobs.element), card('What it did', log.element))
  main.append(h('h1', {}, 'Tuner'), mode, body)
  return every(5000, async () => {
    const state = await ask('api/tuner').catch(error => (error.status === 404 ? null : Promise.reject(error)))
    body.hidden = state === null
    mode.textContent =
      state === null ? 'This gateway has no tuner: every setting stays as it is configured.' : modeText(state)
    if (state === null) return
    knobs.show((state.knobs ?? []).map(knobCells), 'There is nothing to tune.')
    log.show((state.log ?? []).slice(-50).toReversed().map(logCells), 'It has changed nothing yet.')
  })
}

const modes = {
  off: 'It is switched off.',
  observe: 'It measures and changes nothing.',
  suggest: 'It says what it would do and changes nothing.',
  apply: 'It changes what it has evidence for, one small step at a time, and takes back what does not help.',
}

function modeText({ mode }) {
  return `Mode ${mode}. ${modes[mode] ?? ''}`
}

function knobCells(knob) {
  const { name, scope, value, configured, min, max, mode, pinned, suggestion } = knob
  return [
    h('code', {}, name),
    scope,
    value === configured ? count(value) : badge(count(value), 'warn'),
    count(configured),
    `${count(min)} to ${count(max)}`,
    pinned ? badge('pinned') : (mode ?? ''),
    suggestion === undefined || suggestion === null ? '' : suggestionText(suggestion),
  ]
}

function suggestionText(suggestion) {
  if (typeof suggestion !== 'object') return String(suggestion)
  return `${suggestion.value ?? ''} ${suggestion.reason ?? ''}`.trim()
}

function logCells({ t, target, knob, from, to, hypothesis, evidence, expected, measured, verdict }) {
  const numbers = Object.entries(evidence).map(([name, number]) => `${name} ${number}`)
  return [
    new Date(t).toLocaleString([], { hour12: false }),
    `${target} ${knob} ${from ?? ''} → ${to ?? ''}`,
    `${hypothesis} (${numbers.join(', ')}); expected: ${expected}`,
    measured === '' ? verdict : `${verdict}: ${measured}`,
  ]
}
