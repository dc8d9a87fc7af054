/**
 * Text for a terminal: colours where they are wanted, tables with aligned columns. Pure.
 */

const CODES = { red: 31, yellow: 33, green: 32, dim: 2, bold: 1 } as const

export type Colour = keyof typeof CODES

/** Colours a text, or leaves it alone where the output is no terminal. */
export type Paint = (colour: Colour, text: string) => string

export function painter(color: boolean): Paint {
  return color ? (colour, text) => `\u001b[${CODES[colour]}m${text}\u001b[0m` : (_colour, text) => text
}

/** `1 route`, `2 routes`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}

/**
 * Rows as lines, each column as wide as its widest cell, the last one as it is.
 * @param rows all of the same length; the first one is the heading
 */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
