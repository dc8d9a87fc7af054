/**
 * The common shape of Caddyfiles and nginx files: statements of words, some with a block of further statements. Comments and
 * quotes are the same in both; what ends a statement differs.
 */

export interface Statement {
  readonly words: readonly string[]
  /** Null where there is none. */
  readonly block: readonly Statement[] | null
  readonly line: number
}

export interface Syntax {
  /** Whether the end of a line ends a statement; else `;` does. */
  readonly byLine: boolean
}

interface Token {
  readonly text: string
  readonly isQuoted: boolean
  readonly line: number
}

/** Deepest nesting that is read. */
const MAX_DEPTH = 20

export function parseBlocks(text: string, syntax: Syntax): readonly Statement[] {
  const tokens = tokenize(text, syntax)
  return readStatements(tokens, { at: 0 }, 0)
}

function readStatements(tokens: readonly Token[], cursor: { at: number }, depth: number): readonly Statement[] {
  const statements: Statement[] = []
  let words: Token[] = []
  const finish = (block: readonly Statement[] | null) => {
    const first = words[0]
    if (first !== undefined || block !== null)
      statements.push({ words: words.map(word => word.text), block, line: first?.line ?? 0 })
    words = []
  }
  while (cursor.at < tokens.length) {
    const token = tokens[cursor.at++] as Token
    if (token.isQuoted || !['{', '}', '\n', ';'].includes(token.text)) words.push(token)
    else if (token.text === '{') finish(depth < MAX_DEPTH ? readStatements(tokens, cursor, depth + 1) : [])
    else {
      if (words.length > 0) finish(null)
      if (token.text === '}' && depth > 0) return statements
    }
  }
  if (words.length > 0) finish(null)
  return statements
}

function tokenize(text: string, { byLine }: Syntax): Token[] {
  const tokens: Token[] = []
  const pattern = /#[^\n]*|\\\n|\n|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|`([^`]*)`|[^\s"'`]\S*/g
  let line = 1
  let counted = 0
  for (const match of text.matchAll(pattern)) {
    for (; counted < match.index; counted++) if (text[counted] === '\n') line++
    const [whole] = match
    const quoted = match[1] ?? match[2] ?? match[3]
    if (whole.startsWith('#') || whole === '\\\n') continue
    if (whole === '\n') {
      if (byLine) tokens.push({ text: '\n', isQuoted: false, line })
    } else if (quoted !== undefined) tokens.push({ text: quoted.replaceAll(/\\(.)/g, '$1'), isQuoted: true, line })
    else tokens.push(...(byLine ? [{ text: whole, isQuoted: false, line }] : splitNginx(whole, line)))
  }
  return tokens
}

/** In nginx `;`, `{` and `}` end a word; `${name}` is a part of it. */
function splitNginx(word: string, line: number): Token[] {
  const parts = word.match(/\$\{\w+\}|[;{}]|(?:(?!\$\{\w+\})[^;{}])+/g) ?? []
  const tokens: Token[] = []
  let isOpen = false
  for (const part of parts) {
    const isMark = part === ';' || part === '{' || part === '}'
    const last = tokens.at(-1)
    if (!isMark && isOpen && last !== undefined) tokens[tokens.length - 1] = { ...last, text: last.text + part }
    else tokens.push({ text: part, isQuoted: false, line })
    isOpen = !isMark
  }
  return tokens
}
