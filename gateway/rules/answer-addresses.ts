/**
 * The addresses of an app in the heads of its answers, told as the client knows them: Location, Refresh, and the Path of
 * cookies (RFC 6265 §5.1.4), which a browser would never send back for an app that stands below another path than it
 * thinks. Pure.
 */
import { type LocationQuestion, mayLocate, publicLocation, publicPath } from './location.ts'

/** What a route wants told; `keep` = as it came. */
export interface ToldAddresses {
  readonly location: 'public' | 'keep'
  readonly cookiePath: 'public' | 'keep'
}

/** Seconds, then the address, with or without `url=` and quotes (HTML, "shared declarative refresh steps"). */
const refreshed = /^(\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?)(["']?)([^\s"'][^"']*)/i

/** The value of Refresh as the client has to be told it; null = as it came. */
export function publicRefresh(value: string, question: LocationQuestion): string | null {
  const found = refreshed.exec(value)
  if (found === null) return null
  const [whole, before = '', quote = '', address = ''] = found
  const bare = quote === '' ? address.trimEnd() : address
  // A page that shows itself again goes round as it means to.
  const told = publicLocation(bare, { ...question, asked: null })
  return told === null ? null : before + quote + told + value.slice(whole.length - (address.length - bare.length))
}

/** The value of Set-Cookie with a Path that is the client's; null = as it came. */
export function publicCookie(cookie: string, question: LocationQuestion): string | null {
  const parts = cookie.split(';')
  let isChanged = false
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i] as string
    const equals = part.indexOf('=')
    if (part.slice(0, equals).trim().toLowerCase() !== 'path') continue
    const path = part.slice(equals + 1).trim()
    const told = reachesApp(path, question) ? null : publicPath(path, question)
    if (told === null) continue
    parts[i] = part.slice(0, equals + 1) + told
    isChanged = true
  }
  return isChanged ? parts.join(';') : null
}

/**
 * Whether the browser sends the cookie to all of the app as it is: always so for `/`. Only a cookie that it would not
 * send there is told anew, so that none is lost that works.
 */
function reachesApp(path: string, { own: { mount } }: LocationQuestion): boolean {
  if (mount === null || !path.startsWith('/')) return true
  if (path === mount.path || path === `${mount.path}/`) return true
  return mount.path.startsWith(path.endsWith('/') ? path : `${path}/`)
}

/** @param fields flat, of one answer; changed in place */
export function tellAddresses(
  { status, fields }: { readonly status: number; readonly fields: string[] },
  wants: ToldAddresses,
  question: () => LocationQuestion,
): void {
  for (let i = 0; i < fields.length; i += 2) {
    const told = toldValue(fields[i] as string, fields[i + 1] as string, { status, wants, question })
    if (told !== null) fields[i + 1] = told
  }
}

interface Telling {
  readonly status: number
  readonly wants: ToldAddresses
  /** Asked only where there is something to tell: most answers hold no address. */
  readonly question: () => LocationQuestion
}

/** By the length of the name first: nearly every field of every answer is none of these. */
function toldValue(name: string, value: string, { status, wants, question }: Telling): string | null {
  switch (name.length) {
    case 7:
      if (wants.location === 'keep' || name.toLowerCase() !== 'refresh') return null
      return publicRefresh(value, question())
    case 8:
      if (wants.location === 'keep' || !mayLocate(status) || name.toLowerCase() !== 'location') return null
      return publicLocation(value, question())
    case 10:
      if (wants.cookiePath === 'keep' || name.toLowerCase() !== 'set-cookie') return null
      return publicCookie(value, question())
    default:
      return null
  }
}
