/**
 * The canonical form of a path and its readings (RFC 3986 §5.2.4 and §6.2.2): what is sent upstream, what routes are
 * compared with, and every other way in which an ordinary server may understand the same bytes.
 *
 * After `canonicalPath` no reading has a dot segment left: plain ones are resolved, hidden ones refused. So what a
 * reading may still change is only where segments end, and no path can climb out of a prefix that it matched.
 */

const SLASH = '/'
// Characters beyond one byte cannot come from the wire, so they can stand for escapes that must not become separators.
const ENCODED_SLASH = '\u0100'
const ENCODED_BACKSLASH = '\u0101'
const NUL = '\u0000'

/** What some servers take for a slash, raw or after decoding. */
const SEPARATORS = ['\\', ENCODED_SLASH, ENCODED_BACKSLASH] as const

/** Every choice of separators that a server may honour before it cuts path parameters. */
const SEPARATOR_CHOICES = [0, 1, 2, 3, 4, 5, 6, 7].map(bits => SEPARATORS.filter((_, index) => bits & (1 << index)))

/** Why a path was refused; also the reason in the log. */
export type PathFault = 'path-not-absolute' | 'dots-above-root' | 'dots-hidden' | 'dots-ambiguous'

/**
 * `sent` is the raw path with plain dot segments resolved and nothing else changed. `decoded` is `sent` with its percent
 * escapes decoded once, encoded slashes and backslashes kept apart from real ones: segments match one to one.
 */
export type CanonicalPath =
  | { readonly ok: true; readonly sent: string; readonly decoded: string }
  | { readonly ok: false; readonly reason: PathFault }

/** True for a path that has one reading only: itself. Rather too strict than wrong: `/.name` counts as odd. */
export function isPlainPath(path: string): boolean {
  return !(
    path.includes('%') ||
    path.includes('/.') ||
    path.includes('//') ||
    path.includes(';') ||
    path.includes('\\') ||
    path.charCodeAt(0) !== 0x2f
  )
}

/**
 * Resolves the dot segments that stand between real slashes (`.`, `..`, also as `%2e`). Refused are: climbing above the
 * root, a dot segment that only shows with another separator or a parameter (`..%2f`, `..\`, `..;x`), and a `..` after a
 * segment that servers cut differently (empty, or with an encoded slash or backslash in it).
 */
export function canonicalPath(raw: string): CanonicalPath {
  if (!raw.startsWith(SLASH)) return { ok: false, reason: 'path-not-absolute' }
  const sent: string[] = []
  const decoded: string[] = []
  let endsInDots = false
  for (const segment of raw.slice(1).split(SLASH)) {
    const name = decodeSegment(segment)
    endsInDots = isDots(name)
    const fault = name === '..' ? climbFault(decoded) : dotsFault(name)
    if (fault !== null) return { ok: false, reason: fault }
    if (name === '..') {
      sent.pop()
      decoded.pop()
    } else if (name !== '.') {
      sent.push(segment)
      decoded.push(name)
    }
  }
  const end = endsInDots && sent.length > 0 ? SLASH : ''
  return { ok: true, sent: SLASH + sent.join(SLASH) + end, decoded: SLASH + decoded.join(SLASH) + end }
}

/** Duplicate slashes as one. */
export function collapseSlashes(path: string): string {
  return path.replace(/\/{2,}/g, SLASH)
}

/**
 * The readings of a `decoded` path with every kind of separator as a slash and duplicate slashes collapsed: first with
 * path parameters kept, then, where there are any, with them cut off (before or after other separators count).
 */
export function looseReadings(decoded: string): readonly string[] {
  const whole = loosen(decoded)
  if (!decoded.includes(';') && !decoded.includes(NUL)) return [whole]
  const choices = SEPARATOR_CHOICES.filter(choice => choice.every(separator => decoded.includes(separator)))
  return [whole, ...choices.map(choice => loosen(cutParameters(asSlashes(decoded, choice))))]
}

/** The coarsest reading that keeps path parameters; deny rules are compared in this form. */
export function loosen(decoded: string): string {
  return collapseSlashes(asSlashes(decoded, SEPARATORS))
}

function climbFault(parents: readonly string[]): PathFault | null {
  const parent = parents.at(-1)
  if (parent === undefined) return 'dots-above-root'
  const isAmbiguous = cutParameter(parent) === '' || SEPARATORS.some(separator => parent.includes(separator))
  return isAmbiguous ? 'dots-ambiguous' : null
}

function dotsFault(name: string): PathFault | null {
  if (name === '.' || !name.includes('.')) return null
  const parts = asSlashes(name, SEPARATORS).split(SLASH)
  return parts.some(part => isDots(cutParameter(part))) ? 'dots-hidden' : null
}

function isDots(name: string): boolean {
  return name === '.' || name === '..'
}

function asSlashes(path: string, separators: readonly string[]): string {
  let text = path
  for (const separator of separators) text = text.replaceAll(separator, SLASH)
  return text
}

function cutParameters(path: string): string {
  return path.split(SLASH).map(cutParameter).join(SLASH)
}

/** A segment without `;x`, and without what stands behind a NUL, where servers written in C stop reading. */
function cutParameter(name: string): string {
  const semicolon = name.indexOf(';')
  const text = semicolon < 0 ? name : name.slice(0, semicolon)
  const nul = text.indexOf(NUL)
  return nul < 0 ? text : text.slice(0, nul)
}

/** Text of a query with its escapes decoded once, `+` as a space; what is no escape stays as it is. */
export function decodeOnce(text: string): string {
  return decodeSegment(text.replaceAll('+', ' ')).replaceAll(ENCODED_SLASH, SLASH).replaceAll(ENCODED_BACKSLASH, '\\')
}

/** Decodes once; what is no escape (`100%`) stays as it is. */
function decodeSegment(segment: string): string {
  let percent = segment.indexOf('%')
  let name = ''
  let done = 0
  while (percent >= 0) {
    const code = hexDigit(segment.charCodeAt(percent + 1)) * 16 + hexDigit(segment.charCodeAt(percent + 2))
    if (code >= 0) {
      name += segment.slice(done, percent) + decodedCharacter(code)
      done = percent + 3
    }
    percent = segment.indexOf('%', Math.max(done, percent + 1))
  }
  return done === 0 ? segment : name + segment.slice(done)
}

function decodedCharacter(code: number): string {
  if (code === 0x2f) return ENCODED_SLASH
  return code === 0x5c ? ENCODED_BACKSLASH : String.fromCharCode(code)
}

/** Value of a hex digit, NaN for any other character: it makes the sum NaN, and no comparison holds for that. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : Number.NaN
}
