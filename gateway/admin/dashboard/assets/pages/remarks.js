/** What a person would say about the numbers: what is slow, what fails, what was saved. */
import { bytes, count, ms, percent } from '../format.js'

const SLOW_MS = 1000
const MANY_ERRORS = 0.01

export function remarks(analyses, stats) {
  const told = [
    ...stats.origins.filter(({ isAvoided }) => isAvoided).map(originDown),
    ...analyses.filter(({ errorRate }) => errorRate !== null && errorRate > MANY_ERRORS).map(failing),
    ...analyses.filter(({ firstByteMs }) => (firstByteMs?.p95 ?? 0) > SLOW_MS).map(slow),
    ...saved(analyses),
  ]
  return told.length === 0 ? ['Nothing: too few requests in the last minutes to say anything.'] : told
}

function originDown({ upstream, origin }) {
  return `${origin} of ${upstream} is left out after a failure.`
}

function failing({ route, errorRate, count: requests }) {
  return `${route} fails: ${percent(errorRate)} of the last ${count(requests)} requests got an error.`
}

function slow({ route, firstByteMs }) {
  return `${route} is slow: one answer in twenty takes more than ${ms(firstByteMs.p95)} to begin.`
}

function saved(analyses) {
  const sum = read => analyses.reduce((total, analysis) => total + read(analysis), 0)
  const calls = sum(({ cache }) => cache.callsAvoided)
  const avoided = sum(({ cache }) => cache.bytesAvoided)
  const squeezed = sum(({ compression }) => compression.bytesSaved)
  return [
    ...(calls === 0 ? [] : [`The cache answered ${count(calls)} requests (${bytes(avoided)}) that no origin had to.`]),
    ...(squeezed <= 0 ? [] : [`Compression kept ${bytes(squeezed)} off the network.`]),
  ]
}
