/**
 * What a media type says about its bytes: whether encoding can pay, and which class of effort it belongs to. A type that
 * is not known to pay is left alone: an archive with a wrong label is worse off than a text that stays long.
 */
import { isEndless } from '../../contract/index.ts'
import type { ContentClass } from './types.ts'

export type TypeVerdict =
  | { readonly compressible: true; readonly contentClass: ContentClass }
  | { readonly compressible: false; readonly reason: 'no-type' | 'type' | 'compressed-type' | 'event-stream' }

const texts = new Set(
  [
    ...[
      'json',
      'javascript',
      'x-javascript',
      'ecmascript',
      'xml',
      'xml-dtd',
      'sql',
      'graphql',
      'rtf',
      'yaml',
      'x-yaml',
    ],
    ...['toml', 'x-ndjson', 'ndjson', 'jsonl', 'x-jsonlines', 'json-seq', 'stream+json', 'x-sh', 'x-httpd-php'],
    ...['x-www-form-urlencoded', 'vnd.apple.mpegurl', 'x-mpegurl', 'x-subrip', 'manifest', 'x-web-app-manifest+json'],
    ...['postscript', 'x-latex', 'x-tex', 'opensearchdescription+xml', 'x-perl', 'x-python', 'typescript', 'xhtml'],
  ].map(name => `application/${name}`),
)

const others: ReadonlyMap<string, ContentClass> = new Map([
  ...['bmp', 'x-ms-bmp', 'x-icon', 'vnd.microsoft.icon', 'svg+xml', 'x-portable-pixmap', 'x-portable-graymap'].map(
    name => [`image/${name}`, 'image'] as const,
  ),
  ...['font/ttf', 'font/otf', 'font/sfnt', 'font/collection', 'application/x-font-ttf', 'application/x-font-otf'].map(
    name => [name, 'default'] as const,
  ),
  ...['application/vnd.ms-fontobject', 'application/wasm', 'application/x-sqlite3', 'model/gltf+json'].map(
    name => [name, 'default'] as const,
  ),
  ['application/x-mpegurl', 'text'],
  ['audio/mpegurl', 'text'],
  ['audio/x-mpegurl', 'text'],
])

/** Types whose bytes have been through a compressor already, or are kept for other reasons. */
const compressed = new Set(
  [
    ...['zip', 'gzip', 'x-gzip', 'zstd', 'x-7z-compressed', 'x-rar-compressed', 'vnd.rar', 'x-bzip2', 'x-xz', 'pdf'],
    ...['java-archive', 'epub+zip', 'x-tar', 'vnd.android.package-archive', 'x-zip-compressed', 'font-woff'],
  ].map(name => `application/${name}`),
)

/** `text/html; charset=utf-8` as `text/html`. */
export function mediaTypeOf(contentType: string): string {
  const semicolon = contentType.indexOf(';')
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase()
}

/** `extra` are the route's own types, as in `RouteCompression.types`. */
export function judgeType(contentType: string | null, extra: readonly string[]): TypeVerdict {
  const type = contentType === null ? '' : mediaTypeOf(contentType)
  if (type === '') return { compressible: false, reason: 'no-type' }
  if (isEndless(type)) return { compressible: false, reason: 'event-stream' }
  if (extra.length > 0 && isListed(type, extra)) return { compressible: true, contentClass: classOf(type) }
  const known = others.get(type)
  if (known !== undefined) return { compressible: true, contentClass: known }
  if (type.startsWith('text/') || texts.has(type) || isStructuredText(type)) {
    return { compressible: true, contentClass: 'text' }
  }
  return { compressible: false, reason: isCompressed(type) ? 'compressed-type' : 'type' }
}

function isListed(type: string, listed: readonly string[]): boolean {
  const slash = type.indexOf('/')
  return listed.includes(type) || listed.includes(`${type.slice(0, slash)}/*`)
}

/** RFC 6839: what stands behind `+` says how the bytes are written. */
function isStructuredText(type: string): boolean {
  return type.endsWith('+json') || type.endsWith('+xml') || type.endsWith('+yaml')
}

function isCompressed(type: string): boolean {
  const kind = type.slice(0, type.indexOf('/'))
  return kind === 'image' || kind === 'video' || kind === 'audio' || kind === 'font' || compressed.has(type)
}

function classOf(type: string): ContentClass {
  if (type.startsWith('text/') || texts.has(type)) return 'text'
  if (type.startsWith('image/')) return 'image'
  return type.startsWith('video/') ? 'video' : 'default'
}

/** Most types that are remembered; longer ones are not. */
const MAX_REMEMBERED = 256
const MAX_LENGTH = 128

/** `judgeType` for one list of own types, each spelling of the field judged once. */
export function rememberedVerdict(extra: readonly string[]): (contentType: string | null) => TypeVerdict {
  const known = new Map<string, TypeVerdict>()
  return contentType => {
    const text = contentType ?? ''
    const verdict = known.get(text)
    if (verdict !== undefined) return verdict
    const made = judgeType(contentType, extra)
    if (known.size < MAX_REMEMBERED && text.length <= MAX_LENGTH) known.set(text, made)
    return made
  }
}
