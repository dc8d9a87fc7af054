/** Where our own client and undici's disagree, and ours has taken an answer: whether that is right. Pure. */
import type { FirstAnswer } from './read-answers.ts'

/** What a client made of an answer; all else is empty when it is not whole. */
export interface Read {
  readonly isWhole: boolean
  readonly status: number
  readonly headers: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
}

/** Blanks behind a value are no part of it (RFC 9110 §5.5); undici leaves some. */
export function withoutTrailingBlanks(read: Read): Read {
  return { ...read, headers: read.headers.map(text => text.replace(/[ \t]+$/, '')) }
}

/** Why it is right to take what undici did not, or to read it in another way; null = it is not. The strict model decides. */
export function explainLaxer(ours: Read, theirs: Read, { answer, ending }: FirstAnswer): string | null {
  if (answer === null || ending !== 'whole') return null
  if (answer.status !== ours.status || answer.body !== ours.body) return null
  if (!theirs.isWhole) {
    if (answer.interim.some(({ status }) => status === 100))
      return 'undici ends a connection on which an unasked 100 comes'
    return 'valid by RFC 9112, refused by undici'
  }
  return null
}

/** Refused, or all the same but for trailers that RFC 9110 §6.5.1 forbids and that ours leaves out. */
export function isStricter(ours: Read, theirs: Read): boolean {
  if (!ours.isWhole) return true
  const isSame = JSON.stringify({ ...ours, trailers: [] }) === JSON.stringify({ ...theirs, trailers: [] })
  return isSame && ours.trailers.every(text => theirs.trailers.includes(text))
}
