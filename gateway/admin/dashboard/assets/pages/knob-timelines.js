/** The knobs of one route over the last half hour, below the latency of its origin on the same line of time. */
import { chart } from '../charts.js'
import { card, h } from '../dom.js'
import { inUnit, ms } from '../format.js'

/** @param {() => void} changed called when another route is chosen */
export function knobTimelines(changed) {
  const select = h('select', { name: 'timeline', onchange: () => changed() })
  const place = h('div')
  const said = h('p', { class: 'empty' }, '')
  const latency = chart(
    [
      { label: 'p95', key: 'warn', read: point => point.p95Ms, format: ms },
      { label: 'p50', key: 'blue', read: point => point.p50Ms, format: ms },
    ],
    'Time to the first byte of the origin in the last half hour',
  )
  /** By the name of the knob; drawn in the order in which they first moved. */
  const charts = new Map()
  let shownRoute = ''
  const clear = () => {
    for (const each of charts.values()) each.close()
    charts.clear()
    place.replaceChildren()
  }
  const drawKnob = ({ name, unit, words }, route) => {
    const format = value => inUnit(value, unit, words)
    const series = [{ label: name, key: 'accent', read: point => point.knobs[name] ?? null, format }]
    const drawn = chart(series, `${name} of ${route} in the last half hour`, { isStepped: true, isLow: true })
    charts.set(name, drawn)
    place.append(drawn.element)
  }
  return {
    element: card(
      'Knobs against latency',
      h('div', { class: 'row' }, h('label', {}, 'Route', select)),
      latency.element,
      place,
      said,
    ),
    get route() {
      return select.value
    },
    close() {
      clear()
      latency.close()
    },
    show({ knobs, timeline, log }) {
      const asked = select.value
      fill(select, knobs, log)
      const route = select.value
      if (route !== asked) return changed()
      const points = timeline.filter(({ scope }) => scope === route).map(point => ({ ...point, atMs: point.t }))
      const own = knobs.filter(({ scope }) => scope === route)
      if (route !== shownRoute) clear()
      shownRoute = route
      const moved = own.filter(({ name }) => hasMoved(points, name))
      for (const knob of moved) if (!charts.has(knob.name)) drawKnob(knob, route)
      const marks = log.filter(({ target }) => target === route).map(({ t }) => t)
      latency.show(points, marks)
      for (const drawn of charts.values()) drawn.show(points, marks)
      said.textContent = inWords(points, moved.length, own.length - moved.length)
    },
  }
}

/** Until somebody chooses: the route of the last decision. */
function fill(select, knobs, log) {
  const routes = [...new Set(knobs.map(({ scope }) => scope))]
  if (routes.join('\n') === [...select.options].map(({ value }) => value).join('\n')) return
  const wanted = [select.value, log.at(-1)?.target].find(route => routes.includes(route))
  select.replaceChildren(...routes.map(route => h('option', { value: route, selected: route === wanted }, route)))
}

function hasMoved(points, name) {
  const values = new Set(points.map(point => point.knobs[name]).filter(value => value !== undefined))
  return values.size > 1
}

function inWords(points, moved, still) {
  if (points.length === 0) return 'No answer came from its origin in the last half hour.'
  const others = moved === 0 ? 'None of its knobs' : `${still} other knobs`
  const moves = moved === 0 ? `${others} moved meanwhile.` : `${others} stood still.`
  return `A point every ten seconds with traffic; a dashed line is a decision of the tuner. ${moves}`
}
