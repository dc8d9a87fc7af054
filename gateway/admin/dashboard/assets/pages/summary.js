/** The last day or week in plain words: what was slow, what was saved, what was prevented. */
import { ask } from '../api.js'
import { card, h } from '../dom.js'
import { every } from '../refresh.js'

const spans = { '24h': 'Last 24 hours', '7d': 'Last 7 days' }

export function summary() {
  const words = h('ul', { class: 'plain', 'data-summary': '' })
  const span = h('p', { class: 'empty' })
  const buttons = Object.entries(spans).map(([since, title]) =>
    h('button', { type: 'button', class: 'small', 'data-since': since, onclick: () => show(since) }, title),
  )
  let asked = '24h'
  const refresh = async () => {
    const since = asked
    const told = await ask(`api/report?since=${since}`)
    // Another button may have been pressed meanwhile.
    if (since !== asked) return
    words.replaceChildren(...(told.sentences.length === 0 ? ['Nothing to tell yet.'] : told.sentences).map(item))
    span.textContent = told.span
  }
  const mark = () => {
    for (const button of buttons) button.setAttribute('aria-pressed', String(button.dataset.since === asked))
  }
  const show = since => {
    asked = since
    mark()
    return refresh().catch(error => console.warn(error.message))
  }
  mark()
  const close = every(30_000, refresh)
  return { element: card('In plain words', h('div', { class: 'row' }, buttons), words, span), close }
}

const item = text => h('li', {}, text)
