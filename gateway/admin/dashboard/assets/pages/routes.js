/** Routes with what they do, and the origins behind them with their health. */
import { ask } from '../api.js'
import { badge, card, h, table } from '../dom.js'
import { bytes, count, ms, percent, rate } from '../format.js'
import { every } from '../refresh.js'

export function routes(main) {
  const list = table([
    { label: 'Route', full: true },
    { label: 'Hosts' },
    { label: 'Path' },
    { label: 'State' },
    { label: 'Requests/s', number: true },
    { label: 'p50', number: true },
    { label: 'p95', number: true },
    { label: 'p99', number: true },
    { label: 'Errors', number: true },
    { label: '4xx', number: true },
    { label: 'Sent', number: true },
  ])
  const origins = table([
    { label: 'Upstream' },
    { label: 'Origin', full: true, kind: 'path' },
    { label: 'Health' },
    { label: 'In flight', number: true },
    { label: 'Waiting', number: true },
    { label: 'Connections', number: true },
    { label: 'WebSockets', number: true },
  ])
  main.append(
    h('h1', {}, 'Routes and upstreams'),
    h('p', { class: 'lead' }, 'Numbers are of the last minutes; times are to the first byte of an answer.'),
    card('Routes', list.element),
    card('Origins', origins.element),
  )
  return every(3000, async () => {
    const [configured, analysis, stats] = await Promise.all([ask('api/routes'), ask('api/analysis'), ask('api/stats')])
    const byName = new Map(analysis.now.map(each => [each.route, each]))
    list.show(
      configured.map(route => routeCells(route, byName.get(route.name))),
      'There are no routes.',
    )
    origins.show(stats.origins.map(originCells), 'No route has an upstream.')
  })
}

function stateOf({ fault, deny }) {
  if (fault !== null) return badge('switched off', 'bad')
  return deny ? badge('denied', 'warn') : badge('serving', 'good')
}

function routeCells(route, analysis) {
  const { firstByteMs = null, errorRate = null, clientErrorRate = null } = analysis ?? {}
  return [
    h('a', { href: `#/requests/${encodeURIComponent(route.name)}` }, route.name),
    route.match.hosts.join(', '),
    h('code', {}, route.match.path),
    h('span', { title: route.fault ?? '' }, stateOf(route)),
    rate(analysis?.requestsPerSecond ?? 0),
    ms(firstByteMs?.p50),
    ms(firstByteMs?.p95),
    ms(firstByteMs?.p99),
    errorRate > 0.01 ? badge(percent(errorRate), 'bad') : percent(errorRate),
    percent(clientErrorRate),
    bytes(analysis?.bytesOut ?? 0),
  ]
}

function originCells(origin) {
  const { upstream, isAvoided, inFlight, pending, open, idle, tunnels } = origin
  return [
    upstream,
    h('code', {}, origin.origin),
    isAvoided ? badge('left out after a failure', 'bad') : badge('healthy', 'good'),
    count(inFlight),
    count(pending ?? 0),
    `${count(open)} (${count(idle)} idle)`,
    count(tunnels),
  ]
}
