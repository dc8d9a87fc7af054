/** What a front page tells of its app: title, marks in its head, and what a browser loads for it. Pure. */

/** Pages name what they load near the top; a page of megabytes holds its own notes below. */
const READ_CHARS = 131_072
const MAX_RESOURCES = 100

export interface Page {
  readonly title: string
  /** Names in lower case: application-name, generator. */
  readonly meta: Readonly<Record<string, string>>
  /** Address that relative ones start from. */
  readonly base: string
  readonly resources: readonly Resource[]
}

export interface Resource {
  readonly kind: 'script' | 'style' | 'other'
  /** Absolute address. */
  readonly url: string
}

/** @param address where the page was found, absolute */
export function readPage(html: string, address: string): Page {
  const text = withoutComments(html.slice(0, READ_CHARS)).replace(SCRIPTS, '$1')
  const tags = [...text.matchAll(TAGS)].map(([, name = '', rest = '']) => ({
    name: name.toLowerCase(),
    attributes: readAttributes(rest),
  }))
  const written = tags.find(({ name, attributes }) => name === 'base' && attributes['href'] !== undefined)
  const base = URL.parse(written?.attributes['href'] ?? '', address)?.href ?? address
  const meta = tags.flatMap(({ name, attributes }) =>
    name === 'meta' && attributes['name'] !== undefined
      ? [[attributes['name'].toLowerCase(), attributes['content'] ?? ''] as const]
      : [],
  )
  return {
    title: (TITLE.exec(text)?.[1] ?? '').trim(),
    meta: Object.fromEntries(meta),
    base,
    resources: tags.flatMap(tag => resourceOf(tag, base)).slice(0, MAX_RESOURCES),
  }
}

/** A tag has a bound, so that one that never ends is not searched for its end from each of its letters. */
const TAGS = /<(base|meta|script|link|img|iframe)\b([^>]{0,1024})>/gi
const TITLE = /<title[^>]{0,256}>([^<]{0,256})/i
const SCRIPTS = /(<script\b[^>]{0,1024}>)[\s\S]*?(?=<\/script|$)/gi

function withoutComments(text: string): string {
  const parts: string[] = []
  for (let at = 0; ; ) {
    const start = text.indexOf('<!--', at)
    parts.push(text.slice(at, start < 0 ? undefined : start))
    const end = start < 0 ? -1 : text.indexOf('-->', start + 4)
    if (end < 0) return parts.join('')
    at = end + 3
  }
}

interface Tag {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
}

/** Kinds of links that a browser loads, not only names. */
const LOADED = /\b(stylesheet|modulepreload|preload|icon|manifest)\b/i

function resourceOf({ name, attributes }: Tag, base: string): Resource[] {
  const isLink = name === 'link'
  if (isLink && !LOADED.test(attributes['rel'] ?? '')) return []
  const written = isLink ? attributes['href'] : name === 'meta' || name === 'base' ? undefined : attributes['src']
  const url = written === undefined || written === '' ? null : URL.parse(written, base)
  if (url === null || !/^https?:$/.test(url.protocol)) return []
  const isScript = name === 'script' || /modulepreload/i.test(attributes['rel'] ?? '')
  const isStyle = isLink && /stylesheet/i.test(attributes['rel'] ?? '')
  return [{ kind: isScript ? 'script' : isStyle ? 'style' : 'other', url: url.href }]
}

function readAttributes(text: string): Record<string, string> {
  const found = text.matchAll(/([a-z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/gi)
  return Object.fromEntries(
    [...found].map(([, name = '', a, b, c]) => [name.toLowerCase(), unescaped(a ?? b ?? c ?? '')]),
  )
}

/** The one escape that addresses in attributes are written with. */
const unescaped = (text: string): string => text.replaceAll('&amp;', '&')
