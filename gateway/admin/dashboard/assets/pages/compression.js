/** Compression: what went out in which coding, what that saved, and what it cost. */
import { ask } from '../api.js'
import { card, h, table, tiles } from '../dom.js'
import { bytes, count, ms, percent } from '../format.js'
import { every } from '../refresh.js'

export function compression(main) {
  const numbers = tiles({
    saved: 'Bytes saved',
    ratio: 'Of their size before',
    cpu: 'CPU time spent',
    worth: 'Saved for each ms of CPU',
  })
  const codings = table([
    { label: 'Coding', full: true },
    { label: 'Before', number: true },
    { label: 'Sent', number: true },
    { label: 'Saved', number: true },
    { label: 'CPU', number: true },
  ])
  const routes = table([
    { label: 'Route', full: true },
    { label: 'Encoded here', number: true },
    { label: 'Saved', number: true },
    { label: 'Of the size before', number: true },
    { label: 'CPU', number: true },
  ])
  main.append(
    h('h1', {}, 'Compression'),
    h(
      'p',
      { class: 'lead' },
      'Bodies as they came from origins or the cache, and as they went to clients, since the start.',
    ),
    numbers.element,
    card('Codings', codings.element),
    card('Routes, last minutes', routes.element),
  )
  return every(3000, async () => {
    const [{ signals }, analysis] = await Promise.all([ask('api/stats'), ask('api/analysis')])
    const rows = codingRows(signals)
    const encoded = rows.filter(({ raw, sent }) => raw !== sent)
    const sum = key => encoded.reduce((total, row) => total + row[key], 0)
    const savedBytes = sum('raw') - sum('sent')
    const cpuMs = sum('cpu') * 1000
    numbers.set('saved', bytes(savedBytes))
    numbers.set('ratio', sum('raw') === 0 ? '–' : percent(sum('sent') / sum('raw')))
    numbers.set('cpu', ms(cpuMs))
    numbers.set('worth', cpuMs === 0 ? '–' : bytes(savedBytes / cpuMs))
    codings.show(rows.map(codingCells), 'Nothing was sent yet.')
    routes.show(
      analysis.now.filter(each => each.compression.encoded > 0).map(routeCells),
      'Nothing was encoded here in the last minutes.',
    )
  })
}

function codingRows(signals) {
  const rows = new Map()
  const add = (name, key) => {
    for (const { labels, value } of signals[name] ?? []) {
      const row = rows.get(labels.encoding) ?? { coding: labels.encoding, raw: 0, sent: 0, cpu: 0 }
      row[key] += value
      rows.set(labels.encoding, row)
    }
  }
  add('response_raw_bytes_total', 'raw')
  add('response_body_bytes_total', 'sent')
  add('encode_cpu_seconds_total', 'cpu')
  return [...rows.values()].toSorted((a, b) => b.sent - a.sent)
}

function codingCells({ coding, raw, sent, cpu }) {
  return [
    coding === 'identity' ? 'none (identity)' : coding,
    bytes(raw),
    bytes(sent),
    bytes(raw - sent),
    ms(cpu * 1000),
  ]
}

function routeCells({ route, compression: { encoded, bytesSaved, ratio, cpuMs } }) {
  return [route, count(encoded), bytes(bytesSaved), percent(ratio), ms(cpuMs)]
}
