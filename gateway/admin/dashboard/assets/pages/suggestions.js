/** What would change if somebody applied what the tuner suggests, with its reasons, and the button that does. */
import { badge, card, h, table } from '../dom.js'
import { inUnit } from '../format.js'

const held = {
  frozen: 'the tuner is frozen',
  suggest: 'this knob is only suggested',
  observe: 'this route is only observed',
}

/** @param {(order: object) => void} order tells the tuner what to do */
export function suggestions(order) {
  const list = table([
    { label: 'Knob', full: true },
    { label: 'Route' },
    { label: 'Now', number: true },
    { label: 'Would be', number: true },
    { label: 'Why, and what to expect', full: true },
    { label: 'Apply', full: true },
  ])
  const all = h('button', { type: 'button', onclick: () => order({ action: 'apply' }) }, 'Apply all')
  const apply = ({ scope, name, from, to, unit, words, heldBy, reason, expected, evidence, t }) => {
    const numbers = Object.entries(evidence).map(([key, number]) => `${key} ${number}`)
    const label = `Apply ${name} of ${scope}`
    const onclick = () => order({ action: 'apply', scope, name })
    return [
      h('code', {}, name),
      scope,
      inUnit(from, unit, words),
      badge(inUnit(to, unit, words), 'warn'),
      h(
        'div',
        {},
        `${reason}${numbers.length === 0 ? '' : ` (${numbers.join(', ')})`}; expected: ${expected}`,
        h('div', { class: 'empty' }, [
          t === null ? '' : `${new Date(t).toLocaleString([], { hour12: false })}; `,
          held[heldBy],
        ]),
      ),
      h('button', { type: 'button', class: 'small', 'aria-label': label, onclick }, 'Apply'),
    ]
  }
  const nothing = 'Nothing: what the tuner has evidence for is in force already.'
  let shown = ''
  return {
    element: card('What would change if you applied it', list.element, h('div', { class: 'row' }, all)),
    show(changes) {
      // A button under somebody's finger must not be replaced by its like.
      const told = JSON.stringify(changes)
      if (told === shown) return
      shown = told
      list.show(changes.map(apply), nothing)
      all.hidden = changes.length < 2
    },
  }
}
