/** The configuration in force and what it warns of. */
import { ask } from '../api.js'
import { badge, card, h } from '../dom.js'
import { every } from '../refresh.js'

export function configuration(main) {
  const lead = h('p', { class: 'lead' }, ' ')
  const warnings = h('ul', { class: 'plain' })
  const settings = h('pre', { tabindex: 0, 'aria-label': 'Settings as JSON' })
  main.append(
    h('h1', {}, 'Configuration'),
    lead,
    card('Warnings', warnings),
    card(
      'Settings in force',
      h('p', { class: 'empty' }, 'With every default filled in; secrets are replaced.'),
      settings,
    ),
  )
  return every(10_000, async () => {
    const { file, generation, warnings: all, config } = await ask('api/config')
    lead.replaceChildren('From ', h('code', {}, file), `, generation ${generation} since the start.`)
    const items = all.map(({ line, route, message }) => {
      const where = route === null ? `line ${line}` : `line ${line}, route ${route}`
      return h('li', {}, badge(where, 'warn'), ` ${message}`)
    })
    warnings.replaceChildren(...(items.length === 0 ? [h('li', {}, 'None.')] : items))
    const text = JSON.stringify(config, null, 2)
    if (settings.textContent !== text) settings.textContent = text
  })
}
