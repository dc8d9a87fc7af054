/**
 * What a text about the app behind a route may be: patterns of paths, fixed redirects, names that logs must not show.
 */
import { readHash } from '../../plugins/access/index.ts'
import { patternProblem } from '../../plugins/contract/index.ts'
import type { TextReading } from './text-reading.ts'

const accept = (value: string): TextReading => ({ ok: true, value })
const refuse = (problem: string): TextReading => ({ ok: false, problem })

export function pathPattern(text: string): TextReading {
  const problem = patternProblem(text)
  return problem === null ? accept(text) : refuse(problem)
}

/** One path, as it stands in a request. */
export function redirectFrom(text: string): TextReading {
  if (/[?*]/.test(text)) return refuse('one path belongs here, without "?" and "*"')
  return pathPattern(text)
}

export function redirectTo(text: string): TextReading {
  if (/^https?:\/\/[\x21-\x7e]+$/.test(text) && URL.canParse(text)) return accept(text)
  // `//host` would be another host.
  if (text.startsWith('//')) return refuse('a path begins with one "/", another host with "https://"')
  return redirectFrom(text)
}

export function redactName(text: string): TextReading {
  if (/^\/(?:[\w.~-]+\/)+$/.test(text)) return accept(text)
  if (text.startsWith('/')) return refuse('a path begins and ends with "/": "/api/webhook/"')
  return /^[\w.[\]~-]+$/.test(text) ? accept(text) : refuse('expected the name of a parameter, or a path')
}

/** Never repeats the text. */
export function passwordHash(text: string): TextReading {
  const reading = readHash(text)
  return reading.ok ? accept(text) : refuse(reading.problem)
}

export function userName(text: string): TextReading {
  // RFC 7617 §2: a colon ends the name.
  return /^[^:\p{Cc}]{1,64}$/u.test(text) ? accept(text) : refuse('expected a name of 1 to 64 characters without ":"')
}

/** Nothing that could end a policy or a field stands in it. */
export function webOrigin(text: string): TextReading {
  const isOrigin = /^https?:\/\/(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?$/i.test(text)
  return isOrigin ? accept(text) : refuse('expected scheme, host and port of a page: "https://dash.home.arpa"')
}

export function httpUrl(text: string): TextReading {
  const isUrl = /^https?:\/\/[\x21-\x7e]+$/.test(text) && URL.canParse(text)
  return isUrl ? accept(text) : refuse('expected an address that begins with http:// or https://')
}
