/** Bodies both ways: ranges, uploads, and WebDAV. Pure. */
import { formatSize } from '../../config/units.ts'
import type { RouteFacts } from '../facts.ts'
import { fail, inApp, onRoute, pass, skip, type Verdict, warn } from '../findings.ts'
import { type Answer, field, isAnswer, told } from '../seen.ts'
import { explainLine, isGuarded, OUTSIDE, presetBlock } from './advice.ts'

/** A photo of a phone, or a scan, is larger than this. */
const SMALL_BODY_BYTES = 10_000_000

export function judgeRanges(facts: RouteFacts): Verdict {
  const { ranges, route } = facts
  if (ranges === null) return skip('not asked')
  const { target, direct, through } = ranges
  if (!isAnswer(direct) || through === null) return skip(`the app sends no part of ${target}`)
  if (isGuarded(facts)) return skip(OUTSIDE)
  const encoding = isAnswer(through) ? field(through, 'content-encoding') : null
  const line = onRoute(
    route,
    encoding !== null && field(direct, 'content-encoding') === null ? 'compression: false' : 'cache: false',
  )
  if (!isAnswer(through) || through.status !== 206)
    return fail(`the app sends a part of ${target}; through the gateway it ${told(through)}`, line)
  const isSame = through.body.equals(direct.body) && field(through, 'content-range') === field(direct, 'content-range')
  if (!isSame) return fail(`another part of ${target} comes through the gateway than was asked for`, line)
  return pass(`parts of ${target} come through as the app sends them`)
}

export function judgeUpload(facts: RouteFacts): Verdict {
  const { upload, route, known } = facts
  const { bodySize } = route.limits
  if (upload === null || upload.through === null) return skip('not asked')
  const wanted = presetBlock(facts, 'limits').bodySize
  if (bodySize !== null && wanted !== undefined && (wanted === null || wanted > bodySize))
    return fail(
      `the route refuses bodies above ${sizeText(bodySize)}, and ${known?.title} is sent larger ones`,
      onRoute(route, `limits: { body_size: ${wanted === null ? 'none' : sizeText(wanted)} }`),
    )
  const { direct, through } = upload
  if (through.code === 'HG_BODY_TOO_LARGE' && bodySize !== null) return ownLimit(facts, bodySize)
  if (isGuarded(facts)) return skip(OUTSIDE)
  if (through.code !== null) return skip(`the gateway answers ${through.status} ${through.code}: see the other checks`)
  if (direct.status === 413) return pass('the gateway lets it through; the app itself refuses a body of 1 GiB')
  if (through.status === direct.status)
    return direct.status === null
      ? skip('neither the app nor the gateway says anything to a large upload before it begins')
      : pass(`a large upload that asks first is answered ${through.status}, as by the app`)
  // The gateway asks for a body when an origin is there to read, and passes on what the app says to it (RFC 9110 §10.1.1).
  if (through.status === 100 && isRefusal(direct.status))
    return pass(`the app takes no upload there and says so by ${direct.status}, through the gateway as well`)
  const isNative = route.protocol.client === 'native'
  const address = facts.door?.origin + upload.target
  const client = isNative ? explainLine(address, 'PUT') : onRoute(route, 'protocol: { client: native }')
  const what = (status: number | null) => (status === null ? 'nothing' : String(status))
  const reason = `to a large upload that asks first the app says ${what(direct.status)}, and through the gateway comes ${what(through.status)}`
  return through.status === null || through.status >= 500 ? fail(reason, client) : warn(reason, client)
}

function isRefusal(status: number | null): boolean {
  return status !== null && status >= 400 && status < 500
}

/** Of an app that nothing is known of only its owner can say what is enough. */
function ownLimit({ route }: RouteFacts, bodySize: number): Verdict {
  const reason = `the gateway refuses bodies above ${sizeText(bodySize)}, as the route says`
  return bodySize < SMALL_BODY_BYTES
    ? warn(`${reason}: photos are larger`, onRoute(route, 'limits: { body_size: none }'))
    : pass(reason)
}

export function judgeWebdav(facts: RouteFacts): Verdict {
  const { webdav, route, door, origins } = facts
  if (webdav === null) return skip('the app does not offer WebDAV')
  const { direct, through } = webdav
  if (isGuarded(facts)) return skip(OUTSIDE)
  if (!isAnswer(direct) || !isAnswer(through) || direct.status !== through.status)
    return fail(
      `PROPFIND: the app ${told(direct)}; through the gateway it ${told(through)}`,
      explainLine(facts.door?.origin + webdav.target, 'PROPFIND'),
    )
  const stray = strayResource(through, route.match.path)
  if (stray !== null)
    return fail(
      `PROPFIND lists ${stray}, outside of ${route.match.path}: clients find no file of theirs there`,
      inApp('its own path (base URL)', `${route.match.path}, and no rewrite_path on the route`),
    )
  const isSameScheme = (origins[0]?.origin.place.secure ?? false) === (door?.scheme === 'https')
  const isSameAddress = isSameScheme && route.rewritePath === null && route.headers.host === 'preserve'
  const isAskedFor = presetBlock(facts, 'webdav').destination === 'keep'
  if (route.webdav.destination === 'keep' && !isSameAddress && !isAskedFor)
    return warn(
      'MOVE and COPY name the address that visitors use, which is not the one the app is asked at',
      onRoute(route, 'webdav: { destination: rewrite }'),
    )
  return pass(`PROPFIND ${told(through)}, as directly`)
}

/**
 * A resource that the app lists by an address outside of its route: it does not know where it stands, and the gateway
 * leaves what it writes alone (RFC 4918 §8.3). A path or a whole address; null = none, or a list that nobody can read.
 */
function strayResource({ status, body }: Answer, path: string): string | null {
  const mount = path.replace(/\/+$/, '')
  if (status !== 207 || mount === '') return null
  const [, href] = /<(?:[\w.-]+:)?href(?:\s[^>]*)?>\s*([^<\s]+)\s*</i.exec(body.toString('utf8')) ?? []
  if (href === undefined || !URL.canParse(href, 'http://base.invalid')) return null
  const { pathname } = new URL(href, 'http://base.invalid')
  return pathname === mount || pathname.startsWith(`${mount}/`) ? null : href
}

/** As people write it, and as the configuration reads it: 5MB before 4882.8125KiB. */
function sizeText(bytes: number): string {
  return bytes % 1e6 === 0 ? `${bytes / 1e6}MB` : formatSize(bytes)
}
