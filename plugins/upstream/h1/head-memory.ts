/**
 * Heads of answers that came before. An app that is asked for the same thing many times a second answers with the same head
 * each time, until its date changes: it is read once, and who goes by the array knows that it is the same (bench: small).
 */
import { type ParsedHead, parseHead } from './head-parser.ts'

/** Heads that are remembered, one for each remainder of a length. */
const PLACES = 64
/** Longer ones hold cookies and policies, and seldom come again. */
const MOST_CHARACTERS = 2_048

interface Remembered {
  readonly text: string
  readonly head: ParsedHead
}

const places: (Remembered | null)[] = new Array(PLACES).fill(null)

/** As `parseHead`; the same object for the same text as long as it is remembered. */
export function readHead(text: string): ParsedHead | string {
  const at = text.length % PLACES
  const known = places[at]
  if (known != null && known.text === text) return known.head
  const head = parseHead(text)
  if (typeof head === 'string' || text.length > MOST_CHARACTERS) return head
  // Many share it from now on.
  Object.freeze(head.headers)
  places[at] = { text, head }
  return head
}
