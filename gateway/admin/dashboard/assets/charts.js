/** Charts over samples in time: uPlot in the colours of the page. */

import { h } from './dom.js'
import uPlot from './uplot.js'

const open = new Set()

/** Distances of grid lines: powers of two for bytes, so that the labels are round, and uPlot's own for the rest. */
const byteSteps = Array.from({ length: 44 }, (_, power) => 2 ** power)

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

/**
 * @param {{ label: string, key: string, read(sample): number|null, format(value): string }[]} series
 * @param {string} name what the chart shows, for who cannot see it
 * @param {{ isBytes?: boolean, isStepped?: boolean, isLow?: boolean }} kind the values are bytes; they stand until the next
 *   sample; the chart is one of several below one another
 */
export function chart(series, name, { isBytes = false, isStepped = false, isLow = false } = {}) {
  const place = h('div', { class: isLow ? 'chart low' : 'chart', role: 'img', 'aria-label': name })
  const values = series.map(() => h('span', {}, '–'))
  const legend = h(
    'ul',
    { class: 'legend' },
    series.map(({ label, key }, i) => h('li', { class: `key-${key}` }, `${label} `, values[i])),
  )
  const view = { place, series, isBytes, isStepped, isLow, plot: null, data: null, marks: [] }
  const observer = new ResizeObserver(() => view.plot?.setSize(sizeOf(place)))
  observer.observe(place)
  open.add(view)
  return {
    element: h('div', {}, place, legend),
    /** `marks`: moments that get a line of their own, ms since 1970. */
    show(samples, marks = []) {
      view.marks = marks
      view.data = [samples.map(({ atMs }) => atMs / 1000), ...series.map(({ read }) => samples.map(read))]
      if (view.plot === null) draw(view)
      else view.plot.setData(view.data)
      const last = samples.at(-1)
      series.forEach(({ read, format }, i) => {
        values[i].textContent = last === undefined ? '–' : format(read(last))
      })
    },
    close() {
      observer.disconnect()
      view.plot?.destroy()
      open.delete(view)
    },
  }
}

function sizeOf(place) {
  return { width: Math.max(120, place.clientWidth), height: place.clientHeight }
}

function draw(view) {
  const steps = view.isBytes ? byteSteps : undefined
  view.plot?.destroy()
  const { place, series, data } = view
  const paths = view.isStepped ? uPlot.paths.stepped({ align: 1 }) : undefined
  const axis = {
    stroke: colour('soft'),
    grid: { stroke: colour('grid'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui',
  }
  const options = {
    ...sizeOf(place),
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 6, 0, 0],
    scales: {
      x: { range: spanOf },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [
      { ...axis, space: 70, size: 26, values: '{HH}:{mm}:{ss}' },
      {
        ...axis,
        size: 62,
        space: view.isLow ? 24 : 36,
        incrs: steps,
        values: (_plot, ticks) => ticks.map(series[0].format),
      },
    ],
    hooks: { draw: [plot => drawMarks(plot, view.marks)] },
    series: [
      {},
      ...series.map(({ key }, i) => ({
        stroke: colour(key),
        width: 1.8,
        paths,
        fill: i === 0 ? `${colour(key)}22` : undefined,
        // A single value has no line.
        points: { show: (plot, index) => plot.data[index].filter(value => value !== null).length === 1, size: 5 },
        spanGaps: true,
      })),
    ],
  }
  view.plot = new uPlot(options, data, place)
}

/** The first sample alone has no span of time: uPlot would draw a thousand days. */
function spanOf({ data }, min, max) {
  return data[0].length === 1 ? [min, min + 10] : [min, max]
}

function drawMarks({ ctx, bbox, valToPos, scales }, marks) {
  ctx.save()
  ctx.strokeStyle = colour('soft')
  ctx.setLineDash([3, 4])
  for (const atMs of marks) {
    if (atMs / 1000 < scales.x.min || atMs / 1000 > scales.x.max) continue
    const x = Math.round(valToPos(atMs / 1000, 'x', true))
    ctx.beginPath()
    ctx.moveTo(x, bbox.top)
    ctx.lineTo(x, bbox.top + bbox.height)
    ctx.stroke()
  }
  ctx.restore()
}

/** After a change of the theme: colours are read once for each drawing. */
export function redrawCharts() {
  for (const view of open) if (view.plot !== null) draw(view)
}
