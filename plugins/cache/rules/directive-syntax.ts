/**
 * The grammar of Cache-Control (RFC 9111 §5.2): walks one line without copying it and says whether every bit of it made
 * sense.
 */
import { tokenEnd } from './fields.ts'

/** Takes one directive: its lower-case name and its argument, null where there is none. */
export type Apply<T> = (into: T, name: string, argument: string | null) => void

/** Calls `apply` with each directive (lower-case name, argument without quotes); false when the line is malformed. */
export function eachDirective<T>(line: string, into: T, apply: Apply<T>): boolean {
  let isClean = true
  let at = skipBlanksAndCommas(line, 0)
  while (at < line.length) {
    const nameEnd = tokenEnd(line, at)
    let end = nameEnd
    let argument: string | null = null
    if (line.charCodeAt(nameEnd) === 0x3d) {
      end = argumentEnd(line, nameEnd + 1)
      if (end === nameEnd + 1) isClean = false
      argument = unquoted(line.slice(nameEnd + 1, end))
    }
    if (nameEnd === at) isClean = false
    else apply(into, line.slice(at, nameEnd).toLowerCase(), argument)
    end = skipBlanks(line, end)
    if (end < line.length && line.charCodeAt(end) !== 0x2c) {
      isClean = false
      end = line.indexOf(',', end)
      if (end === -1) break
    }
    at = skipBlanksAndCommas(line, end)
  }
  return isClean
}

/** Position behind the token or the quoted string; `from` when there is none or the string does not end. */
function argumentEnd(line: string, from: number): number {
  if (line.charCodeAt(from) !== 0x22) return tokenEnd(line, from)
  for (let at = from + 1; at < line.length; at++) {
    const code = line.charCodeAt(at)
    if (code === 0x5c) at++
    else if (code === 0x22) return at + 1
  }
  return from
}

function unquoted(argument: string): string {
  if (argument.charCodeAt(0) !== 0x22) return argument
  const inner = argument.slice(1, -1)
  if (!inner.includes('\\')) return inner
  let text = ''
  for (let at = 0; at < inner.length; at++) text += inner[at] === '\\' ? (inner[++at] ?? '') : inner[at]
  return text
}

function skipBlanks(line: string, from: number): number {
  let at = from
  while (line.charCodeAt(at) === 0x20 || line.charCodeAt(at) === 0x09) at++
  return at
}

function skipBlanksAndCommas(line: string, from: number): number {
  let at = from
  while (line.charCodeAt(at) === 0x20 || line.charCodeAt(at) === 0x09 || line.charCodeAt(at) === 0x2c) at++
  return at
}
