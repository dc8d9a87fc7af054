/** Elements as functions: text is always text, so nothing that came over the wire becomes markup. */

/** @returns {HTMLElement} */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (name === 'width%') element.style.width = `${value}%`
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false))
  return element
}

const SVG = 'http://www.w3.org/2000/svg'

/** A line icon of 24 units, from the data of its paths. */
export function icon(path) {
  const svg = document.createElementNS(SVG, 'svg')
  const attributes = { viewBox: '0 0 24 24', fill: 'none', stroke: 'currentColor', 'stroke-width': '1.8' }
  for (const [name, value] of Object.entries({ ...attributes, 'stroke-linecap': 'round', 'aria-hidden': 'true' }))
    svg.setAttribute(name, value)
  const line = document.createElementNS(SVG, 'path')
  line.setAttribute('d', path)
  svg.append(line)
  return svg
}

export function badge(text, kind = '') {
  return h('span', { class: `badge ${kind}` }, text)
}

/**
 * A table whose rows are replaced as a whole.
 * @param {{ label: string, number?: boolean, full?: boolean }[]} columns
 */
export function table(columns, caption) {
  const body = h('tbody')
  const head = columns.map(({ label, number }) => h('th', { scope: 'col', class: number ? 'number' : '' }, label))
  const element = h(
    'table',
    { class: 'stack' },
    caption ? h('caption', {}, caption) : null,
    h('thead', {}, h('tr', {}, head)),
    body,
  )
  const row = cells =>
    h(
      'tr',
      {},
      cells.map((cell, i) => tableCell(columns[i], cell)),
    )
  return {
    element: h('div', { class: 'wide' }, element),
    body,
    row,
    show: (rows, empty) => {
      const shown = rows.map(row)
      if (shown.length > 0) return body.replaceChildren(...shown)
      body.replaceChildren(h('tr', {}, h('td', { colspan: columns.length, class: 'empty full' }, empty)))
    },
  }
}

function tableCell({ label, number, full, kind = '' }, content) {
  const isEmpty = content === '' || content === null
  const classes = [number ? 'number' : '', full ? 'full' : '', isEmpty ? 'none' : '', kind]
  return h('td', { class: classes.join(' ').trim(), 'data-label': full ? undefined : label }, content ?? '')
}

export function card(title, ...children) {
  return h('section', { class: 'card' }, h('h2', {}, title), ...children)
}

/** A list of numbers with their names; `set` changes one. */
export function tiles(names) {
  const values = {}
  const element = h(
    'div',
    { class: 'tiles' },
    Object.entries(names).map(([key, name]) => {
      values[key] = h('dd', { 'data-value': key }, '–')
      return h('dl', { class: 'tile' }, h('dt', {}, name), values[key])
    }),
  )
  const set = (key, value, unit = '') => {
    const shown = values[key]
    shown.replaceChildren(value, unit === '' ? '' : h('small', {}, ` ${unit}`))
  }
  return { element, set }
}

export function facts(pairs) {
  return h(
    'dl',
    { class: 'facts' },
    pairs
      .filter(([, value]) => value !== null && value !== undefined)
      .flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]),
  )
}
