/** Numbers in the form in which people read them. */

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

export function bytes(value) {
  if (value === null || value === undefined) return '–'
  const sign = value < 0 ? '−' : ''
  let size = Math.abs(value)
  let unit = 0
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024
    unit++
  }
  return `${sign}${rounded(size)} ${units[unit]}`
}

export function ms(value) {
  if (value === null || value === undefined) return '–'
  if (value >= 60_000) return `${rounded(value / 60_000)} min`
  if (value >= 1000) return `${rounded(value / 1000)} s`
  return `${rounded(value)} ms`
}

export function count(value) {
  if (value === null || value === undefined) return '–'
  return Math.round(value).toLocaleString('en-US')
}

/** A value of a knob, by the unit that the admin API gives for it, or by the words that its values stand for. */
export function inUnit(value, unit, words) {
  if (value === null || value === undefined) return '–'
  if (words?.[value] !== undefined) return words[value]
  if (unit === 'milliseconds') return ms(value)
  if (unit === 'bytes') return bytes(value)
  return unit === 'ratio' ? percent(value) : rounded(value)
}

export function counted(value, one, many) {
  return `${count(value)} ${value === 1 ? one : many}`
}

export function rate(value) {
  return value === null || value === undefined ? '–' : rounded(value)
}

export function percent(value) {
  if (value === null || value === undefined) return '–'
  const shown = value * 100
  return `${shown > 0 && shown < 0.1 ? '<0.1' : rounded(shown)} %`
}

function rounded(value) {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

export function time(iso) {
  return new Date(iso).toLocaleTimeString([], { hour12: false })
}

export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  if (seconds < 129_600) return `${rounded(seconds / 3600)} h`
  return `${rounded(seconds / 86_400)} days`
}

/** `HG_UPSTREAM_REFUSED` and `max_size` as words. */
export function words(code) {
  return code.replace(/^HG_/, '').replaceAll('_', ' ').toLowerCase()
}
