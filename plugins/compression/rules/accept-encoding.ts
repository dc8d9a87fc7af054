/**
 * Negotiation by Accept-Encoding (RFC 9110 §12.5.3): weights, `*`, `identity;q=0`, and the server's order between equals.
 */

interface Weighted {
  readonly coding: string
  readonly q: number
}

/** Members of the field in their order; a weight that cannot be read counts as 0, so that nothing is guessed. */
export function parseAcceptEncoding(value: string): readonly Weighted[] {
  const members: Weighted[] = []
  for (const member of value.split(',')) {
    const [name = '', ...parameters] = member.split(';')
    const coding = name.trim().toLowerCase()
    if (coding === '') continue
    members.push({ coding: coding === 'x-gzip' ? 'gzip' : coding, q: weightOf(parameters) })
  }
  return members
}

function weightOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const text = parameter.trim().toLowerCase()
    if (!text.startsWith('q=')) continue
    const q = Number(text.slice(2).trim() || Number.NaN)
    return q >= 0 && q <= 1 ? q : 0
  }
  return 1
}

/**
 * The coding to send: one of `offered` (the server's preference first) or `identity`; null when not even that is
 * acceptable. Without the field everything is acceptable, and a client that says nothing gets the plain bytes.
 */
export function chooseCoding(accept: string | undefined, offered: readonly string[]): string | null {
  if (accept === undefined) return 'identity'
  const members = parseAcceptEncoding(accept)
  const identity = identityWeight(members)
  let best: string | null = null
  let bestWeight = 0
  for (const coding of offered) {
    const q = weightFor(members, coding)
    if (q > bestWeight) {
      best = coding
      bestWeight = q
    }
  }
  // Identity that is not named is acceptable, but nothing that the client asked for.
  if (best !== null && (identity.isNamed === false || bestWeight >= identity.q)) return best
  return identity.q > 0 ? 'identity' : best
}

/** Whether a client takes a coding at all; without the field it takes every one (RFC 9110 §12.5.3). */
export function acceptsCoding(accept: string | undefined, coding: string): boolean {
  return accept === undefined || weightFor(parseAcceptEncoding(accept), coding) > 0
}

/** Whether a client cannot take a coding and can take plain bytes, each spelling of the field read once a coding. */
export function rememberedNeed(): (accept: string | undefined, coding: string) => boolean {
  const needs = new Map<string, (accept: string) => boolean>()
  return (accept, coding) => {
    if (accept === undefined) return false
    let need = needs.get(coding)
    if (need === undefined) {
      need = readOnce(spelling => needsPlain(spelling, coding))
      needs.set(coding, need)
    }
    return need(accept)
  }
}

function needsPlain(accept: string, coding: string): boolean {
  const members = parseAcceptEncoding(accept)
  return weightFor(members, coding) === 0 && identityWeight(members).q > 0
}

function weightFor(members: readonly Weighted[], coding: string): number {
  let any = 0
  for (const member of members) {
    if (member.coding === coding) return member.q
    if (member.coding === '*') any = member.q
  }
  return any
}

function identityWeight(members: readonly Weighted[]): { readonly isNamed: boolean; readonly q: number } {
  let any: number | null = null
  for (const { coding, q } of members) {
    if (coding === 'identity') return { isNamed: true, q }
    if (coding === '*') any = q
  }
  // RFC 9110 §12.5.3: `*;q=0` takes identity away as well.
  return any === 0 ? { isNamed: true, q: 0 } : { isNamed: false, q: 1 }
}

/** `chooseCoding` for one list of offers, each spelling of the field read once. */
export function rememberedChoice(offered: readonly string[]): (accept: string | undefined) => string | null {
  const choose = readOnce(accept => chooseCoding(accept, offered))
  return accept => (accept === undefined ? 'identity' : choose(accept))
}

/** Spellings that are remembered, and how long they may be; browsers send a handful of short ones. */
export const MAX_REMEMBERED = 128
export const MAX_CHARACTERS = 256

/** With one spelling too many all are forgotten: those that a client makes up must not keep out those that all send. */
function readOnce<T>(read: (accept: string) => T): (accept: string) => T {
  const known = new Map<string, T>()
  return accept => {
    const before = known.get(accept)
    if (before !== undefined) return before
    const made = read(accept)
    if (accept.length > MAX_CHARACTERS) return made
    if (known.size >= MAX_REMEMBERED) known.clear()
    known.set(accept, made)
    return made
  }
}
