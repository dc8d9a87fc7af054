/** The last requests as they end, with a filter, and why each went as it did. */
import { ask } from '../api.js'
import { badge, card, h, table } from '../dom.js'
import { bytes, ms, time, words } from '../format.js'
import { every } from '../refresh.js'
import { openWhy } from './why.js'

/** Rows that are shown at once. */
const MAX_ROWS = 200

const verdicts = {
  '': 'every ending',
  success: 'went well',
  client_error: '4xx',
  server_error: '5xx of the origin',
  gateway_error: 'failed here',
  client_left: 'client left',
}

const kinds = { success: 'good', client_error: 'warn', server_error: 'bad', gateway_error: 'bad', client_left: '' }

export function requests(main, { rest: [route = ''] }) {
  const list = table([
    { label: 'Time' },
    { label: 'Status' },
    { label: 'Request', full: true, kind: 'path' },
    { label: 'Route' },
    { label: 'Cache' },
    { label: 'First byte', number: true },
    { label: 'Total', number: true },
    { label: 'Sent', number: true },
    { label: 'Why' },
  ])
  const form = filterForm(route)
  const pause = h('button', { type: 'button', 'aria-pressed': 'false' }, 'Pause')
  form.append(pause)
  const said = h('p', { class: 'said', role: 'status' })
  main.append(
    h('h1', {}, 'Requests'),
    h('p', { class: 'lead' }, 'The last 1,000, the youngest first. Secrets in addresses are replaced.'),
    card('Filter', form, said),
    card('Requests', list.element),
  )
  const view = { list, last: -1 }
  const reset = () => {
    view.last = -1
    list.body.replaceChildren()
    return refresh()
  }
  const refresh = async () => {
    if (pause.getAttribute('aria-pressed') === 'true') return
    const query = new URLSearchParams({ ...Object.fromEntries(new FormData(form)), after: view.last, limit: MAX_ROWS })
    addRows(view, await ask(`api/requests?${query}`))
    const shown = list.body.children.length
    said.textContent = shown === 0 ? 'No request matches yet.' : ''
  }
  pause.addEventListener('click', () => {
    const isPaused = pause.getAttribute('aria-pressed') !== 'true'
    pause.setAttribute('aria-pressed', String(isPaused))
    pause.textContent = isPaused ? 'Go on' : 'Pause'
  })
  form.addEventListener('submit', event => event.preventDefault())
  form.addEventListener('input', reset)
  return every(1500, refresh)
}

function filterForm(route) {
  const options = Object.entries(verdicts).map(([value, text]) => h('option', { value }, text))
  return h(
    'form',
    { class: 'row', role: 'search' },
    h(
      'label',
      { class: 'grow' },
      'Text',
      h('input', { name: 'text', type: 'search', placeholder: 'address, status, client, id', autocomplete: 'off' }),
    ),
    h('label', {}, 'Route', h('input', { name: 'route', value: route, autocomplete: 'off', size: 14 })),
    h('label', {}, 'Ended', h('select', { name: 'verdict' }, options)),
  )
}

function addRows(view, fresh) {
  if (fresh.length === 0) return
  // Two answers may cross after the filter has changed.
  const unseen = fresh.filter(({ number }) => number > view.last)
  if (unseen.length === 0) return
  view.last = unseen[0].number
  view.list.body.prepend(...unseen.map(request => view.list.row(cells(request))))
  while (view.list.body.children.length > MAX_ROWS) view.list.body.lastElementChild.remove()
}

function cells(request) {
  const { at, status, verdict, outcome, method, host, url, route, cache, firstByteMs, bytesOut } = request
  const ended = outcome === 'ok' ? '' : h('div', {}, h('small', {}, words(outcome)))
  return [
    time(at),
    h('span', {}, badge(status === 0 ? 'none' : String(status), kinds[verdict])),
    h('span', {}, h('strong', {}, method), ' ', h('span', {}, `${host}${url}`), ended),
    route ?? 'none',
    cache === null ? '' : badge(cache, cache === 'hit' ? 'good' : ''),
    ms(firstByteMs),
    ms(request.ms),
    bytes(bytesOut),
    h('button', { class: 'small', type: 'button', onclick: () => openWhy(request) }, 'Why?'),
  ]
}
