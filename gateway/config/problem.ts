/**
 * How problems of a configuration are written and gathered: `FILE:LINE:COL route 'x': message`.
 */
import { isAbsolute, relative } from 'node:path'
import type { Problem } from './types.ts'

/** A place in a file, 1-based. */
export interface Place {
  readonly line: number
  readonly column: number
}

export type Severity = 'problem' | 'warning'

/**
 * One line for a terminal or a log, without control characters. The file is written relative to `cwd` where it lies
 * below it.
 */
export function formatProblem(problem: Problem, cwd: string, severity: Severity = 'problem'): string {
  const place = `${shortenPath(problem.file, cwd)}:${problem.line}:${problem.column}`
  const label = severity === 'warning' ? 'warning: ' : ''
  const route = problem.route === null ? '' : `route '${problem.route}': `
  return withoutControls(`${place} ${label}${route}${problem.message}`)
}

export function shortenPath(file: string, cwd: string): string {
  const path = relative(cwd, file)
  return path === '' || path.startsWith('..') || isAbsolute(path) ? file : path
}

/** In the order of the file; what stands at one place keeps the order in which it was found. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
}

/** A text of the user in a message: quoted, bounded, escaped. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
}

/** What a message has to replace: C0 and C1 controls and the marks that turn the direction of the text. */
export function withoutControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to go
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}
