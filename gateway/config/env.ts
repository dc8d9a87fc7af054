/**
 * `${NAME}` and `${NAME:-default}` inside a scalar of the configuration; `$${` stands for a plain `${`. Pure: the
 * environment is an argument.
 */

export type Expansion =
  | { readonly ok: true; readonly text: string; readonly replaced: boolean }
  | { readonly ok: false; readonly problem: string }

export type Environment = Readonly<Record<string, string | undefined>>

const REFERENCE = /\$(\$\{)|\$\{([^}]*)(\}?)/g
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/

/** Replaces every reference in `text`. As in a shell, the default of `:-` also stands in for an empty variable. */
export function expandEnvironment(text: string, environment: Environment): Expansion {
  if (!text.includes('${')) return { ok: true, text, replaced: false }
  let problem: string | null = null
  const expanded = text.replace(REFERENCE, (_whole, escaped: string | undefined, inner: string, closing: string) => {
    if (escaped !== undefined) return escaped
    const result = closing === '' ? unclosed : lookUp(inner, environment)
    if (!result.ok) problem ??= result.problem
    return result.ok ? result.text : ''
  })
  return problem === null ? { ok: true, text: expanded, replaced: true } : { ok: false, problem }
}

type LookUp = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string }

const unclosed: LookUp = { ok: false, problem: `"\${" without "}"; write "$\${" for the characters themselves` }

function lookUp(inner: string, environment: Environment): LookUp {
  const match = NAME.exec(inner)
  if (match === null) {
    return { ok: false, problem: `"\${${inner.slice(0, 40)}}" names no variable: write \${NAME} or \${NAME:-default}` }
  }
  const [, name = '', fallback] = match
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined
  if (fallback !== undefined) return { ok: true, text: value === undefined || value === '' ? fallback : value }
  if (value !== undefined) return { ok: true, text: value }
  return { ok: false, problem: `the environment variable ${name} is not set: set it, or write \${${name}:-default}` }
}
