/** The cache: what it holds and did, what is asked for most, and what it is to forget. */
import { ask, post } from '../api.js'
import { badge, card, h, table, tiles } from '../dom.js'
import { bytes, count, percent } from '../format.js'
import { every } from '../refresh.js'

/** What became of a request, in words, and whether it spared the origin. */
const outcomes = {
  hit: ['answered from the store', 'good'],
  stale: ['answered stale while it was asked for again', 'good'],
  coalesced: ['shared one answer with others that came at the same time', 'good'],
  'stale-if-error': ['answered stale because the origin failed', 'warn'],
  revalidated: ['the origin said that it is unchanged', 'good'],
  miss: ['asked for at the origin', ''],
  bypass: ['passed on: nothing that may be stored', ''],
  'only-if-cached': ['not stored, and the client wanted nothing else', 'warn'],
}

export function cache(main) {
  const numbers = tiles({
    ratio: 'Hit ratio since the start',
    entries: 'Answers stored',
    size: 'Size of the store',
    evicted: 'Made room for others',
    fills: 'Being fetched now',
  })
  const done = table([{ label: 'Outcome' }, { label: 'Meaning', full: true }, { label: 'Requests', number: true }])
  const top = table([
    { label: 'Address', full: true, kind: 'path' },
    { label: 'Route' },
    { label: 'Requests', number: true },
    { label: 'From the cache', number: true },
    { label: 'Spared the origin', number: true },
  ])
  main.append(
    h('h1', {}, 'Cache'),
    h('p', { class: 'lead' }, 'Only what the origin allows to be shared is kept (RFC 9111).'),
    numbers.element,
    card('Forget answers', purgeForm()),
    card(
      'Asked for most',
      top.element,
      h('p', { class: 'empty' }, 'Among the last 1,000 requests; secrets in addresses are replaced.'),
    ),
    card('What became of requests', done.element),
  )
  return every(3000, async () => {
    const { store, fills, outcomes: counts, top: busiest = [] } = await ask('api/cache')
    const spared = ['hit', 'stale', 'coalesced', 'stale-if-error'].reduce((sum, key) => sum + (counts[key] ?? 0), 0)
    const asked = spared + (counts.miss ?? 0) + (counts.revalidated ?? 0)
    numbers.set('ratio', asked === 0 ? '–' : percent(spared / asked))
    numbers.set('entries', count(store.entries), store.available ? store.kind : 'store not reached')
    numbers.set('size', bytes(store.bytes))
    numbers.set('evicted', count(store.evicted))
    numbers.set('fills', count(fills))
    done.show(
      Object.entries(counts)
        .toSorted((a, b) => b[1] - a[1])
        .map(outcomeCells),
      'No request came to the cache yet.',
    )
    top.show(busiest.map(topCells), 'No request had a part of the cache yet.')
  })
}

function outcomeCells([word, requests]) {
  const [meaning, kind] = outcomes[word] ?? [word, '']
  return [badge(word, kind), meaning, count(requests)]
}

function topCells({ url, route, requests, hits, bytes: size }) {
  return [h('code', {}, url), route, count(requests), count(hits), bytes(size)]
}

const kinds = {
  url: 'One address',
  prefix: 'All that begins with',
  route: 'A route',
  tag: 'A tag',
  all: 'Everything',
}

function purgeForm() {
  const kind = h(
    'select',
    { name: 'kind' },
    Object.entries(kinds).map(([value, text]) => h('option', { value }, text)),
  )
  const value = h('input', { name: 'value', autocomplete: 'off', placeholder: 'https://wiki.home.arpa/page' })
  const valueLabel = h('label', { class: 'grow' }, 'Which', value)
  const said = h('p', { class: 'said', role: 'status' })
  kind.addEventListener('change', () => {
    valueLabel.hidden = kind.value === 'all'
  })
  const form = h(
    'form',
    { class: 'row' },
    h('label', {}, 'What', kind),
    valueLabel,
    h('button', { class: 'main', type: 'submit' }, 'Purge'),
  )
  form.addEventListener('submit', async event => {
    event.preventDefault()
    const selector = kind.value === 'all' ? { all: true } : { [kind.value]: value.value.trim() }
    try {
      const { removed, complete } = await post('api/cache/purge', selector)
      const rest = complete ? '' : ' A shared store could not be reached; others may still serve them.'
      said.replaceChildren(
        badge('done', 'good'),
        ` ${count(removed)} ${removed === 1 ? 'answer' : 'answers'} forgotten.${rest}`,
      )
    } catch (error) {
      said.replaceChildren(badge('not done', 'bad'), ` ${error.message}`)
    }
  })
  return h('div', {}, form, said)
}
