/** What becomes of a file of the app on its way: encoded without harm, and kept where it may be. Pure but for decoding. */
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import type { RouteFacts } from '../facts.ts'
import { fail, onRoute, pass, skip, type Verdict, warn } from '../findings.ts'
import { MAX_BODY_BYTES } from '../probes/ask.ts'
import { type Answer, field, fieldsOf, isAnswer } from '../seen.ts'
import { isGuarded, OUTSIDE } from './advice.ts'

/** Below this an encoding saves no packet. */
const WORTH_BYTES = 1_400
const TEXT = /^(text\/|application\/(javascript|json|xml|manifest\+json)|image\/svg)/i
/** Names that change with the content: `app.1f0c22ab.js`, `index-BFZ0M9hf.css`. */
const FINGERPRINT = /[.-](?=[\w-]*\d)[\w-]{8,}\.(?:m?js|css)$/

export function judgeCompression(facts: RouteFacts): Verdict {
  const { route } = facts
  const asset = facts.assets.largest
  if (isGuarded(facts)) return skip(OUTSIDE)
  if (asset === null) return skip('nothing was found to look at')
  const { target, plain, direct, encoded, directEncoded } = asset
  if (!isAnswer(plain) || !isAnswer(encoded) || !plain.isWhole || !encoded.isWhole)
    return skip(`${target} is too large, or does not come`)
  const coding = field(encoded, 'content-encoding')
  const off = onRoute(route, 'compression: false')
  const isStill = isAnswer(direct) && direct.isWhole && direct.body.equals(plain.body)
  if (coding !== null) {
    const decoded = decode(encoded.body, coding)
    if (decoded === null || (isStill && !decoded.equals(plain.body)))
      return fail(`${target} as ${coding} is not what the app sends`, off)
    return pass(`${target}: ${plain.body.length} bytes travel as ${encoded.body.length} (${coding})`)
  }
  const isText = TEXT.test(field(plain, 'content-type') ?? '') && plain.body.length > WORTH_BYTES
  if (!isText) return pass(`${target} is nothing to encode`)
  if (isAnswer(directEncoded) && field(directEncoded, 'content-encoding') !== null)
    return fail(`the app encodes ${target}, and through the gateway it comes plain`, onRoute(route, ON))
  if (route.compression === false)
    return warn(
      `${target} travels as ${plain.body.length} bytes: neither the app nor the route encodes it`,
      onRoute(route, ON),
    )
  return skip(`${target} comes plain: the app forbids it, or the gateway had no time for it`)
}

const ON = 'compression: { algorithms: [zstd, brotli, gzip] }'

/** Null where it is not in that coding, or larger than can be meant. */
function decode(body: Buffer, coding: string): Buffer | null {
  const options = { maxOutputLength: 8 * MAX_BODY_BYTES }
  try {
    if (coding === 'gzip' || coding === 'x-gzip') return gunzipSync(body, options)
    if (coding === 'br') return brotliDecompressSync(body, options)
    if (coding === 'zstd') return zstdDecompressSync(body, options)
    return coding === 'deflate' ? inflateSync(body, options) : null
  } catch {
    return null
  }
}

export function judgeCaching(facts: RouteFacts): Verdict {
  const { route, around, through, assets, page } = facts
  if (isGuarded(facts)) return skip(OUTSIDE)
  const front = through?.last ?? null
  if (isAnswer(front) && isHit(front) && isAnswer(around?.forwarded ?? null) && isPrivate(around?.forwarded as Answer))
    return fail(
      'the front page, which the app wants nobody to keep, comes from the cache',
      onRoute(route, 'cache: false'),
    )
  if (route.cache === false) return pass('the cache is off on this route')
  const asset = page === null || page.resources.length === 0 ? null : assets.largest
  if (asset === null || !isAnswer(asset.encoded)) return skip('its page loads no file that could be kept')
  const { target, encoded } = asset
  const control = field(encoded, 'cache-control')
  const hasValidator = field(encoded, 'etag') !== null || field(encoded, 'last-modified') !== null
  const [path = target] = target.split('?')
  if (control === null && FINGERPRINT.test(path) && !isHit(encoded))
    return warn(
      `${target} changes its name with its content, and is asked for again at each visit`,
      onRoute(route, `cache: { immutable: ['${folderOf(path, route)}'] }`),
    )
  if (isHit(encoded)) return pass(`${target} comes from the cache`)
  return pass(
    `${target}: ${control ?? 'no lifetime'}, ${hasValidator ? 'asked for again by its validator' : 'without a validator'}`,
  )
}

function folderOf(path: string, { match }: RouteFacts['route']): string {
  const below = path.slice(match.path.replace(/\/+$/, '').length)
  return below.slice(0, below.lastIndexOf('/')) || '/'
}

const isHit = (answer: Answer): boolean => /hearthgate;\s*hit/i.test(fieldsOf(answer, 'cache-status').join(', '))

/** What a shared cache must not give to anybody else (RFC 9111 §5.2.2). */
function isPrivate(answer: Answer): boolean {
  return (
    /\b(no-store|private)\b/i.test(fieldsOf(answer, 'cache-control').join(', ')) ||
    fieldsOf(answer, 'set-cookie').length > 0
  )
}
