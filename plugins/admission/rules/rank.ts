/**
 * How urgent a request is among those that wait for the same origin: the class of its route first, then what the client
 * itself says about it (`Priority`, RFC 9218 §4.1; Fetch Metadata; the beginning of Accept where neither is sent, as
 * browsers do without TLS). A client can only order its requests within the class of the route.
 */

/** Who goes first when requests wait, the first before the others. */
export const PRIORITY_CLASSES = ['interactive', 'stream', 'bulk'] as const
export type PriorityClass = (typeof PRIORITY_CLASSES)[number]

/** RFC 9218 §4.1: urgency 0 to 7, 3 where nothing is said. */
const URGENCIES = 8
const NOTHING_SAID = 3
const PAGE = 0
const STYLE_OR_SCRIPT = 1
const IMAGE = 5
const PREFETCH = 7

/** Ranks are whole numbers from 0, the most urgent, to one below this. */
export const RANKS = PRIORITY_CLASSES.length * URGENCIES

const urgencyOfDestination: ReadonlyMap<string, number> = new Map([
  ['document', PAGE],
  ['iframe', PAGE],
  ['style', STYLE_OR_SCRIPT],
  ['script', STYLE_OR_SCRIPT],
  ['font', STYLE_OR_SCRIPT],
  ['image', IMAGE],
])

/** @param headers flat `[name, value, …]` as they go to the origin */
export function rankOf(priority: PriorityClass, headers: readonly string[]): number {
  return PRIORITY_CLASSES.indexOf(priority) * URGENCIES + urgencyOf(headers)
}

/** What the request says of itself, 0 (most urgent) to 7. */
export function urgencyOf(headers: readonly string[]): number {
  let said: number | null = null
  let destination: number | null = null
  let accepted: number | null = null
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    const value = headers[i + 1] as string
    switch (name.length) {
      case 8:
        if (name.toLowerCase() === 'priority') said = urgencyParameter(value) ?? said
        break
      case 6:
        if (name.toLowerCase() === 'accept') accepted = urgencyOfAccept(value)
        break
      case 11:
        if (name.toLowerCase() === 'sec-purpose' && value.startsWith('prefetch')) return PREFETCH
        break
      case 14:
        if (name.toLowerCase() === 'sec-fetch-dest') destination = urgencyOfDestination.get(value) ?? NOTHING_SAID
        break
      case 7:
        if (name.toLowerCase() === 'purpose' && value === 'prefetch') return PREFETCH
        break
    }
  }
  return said ?? destination ?? accepted ?? NOTHING_SAID
}

/** `u=5, i` as 5; null where there is no valid urgency. */
function urgencyParameter(value: string): number | null {
  for (const member of value.split(',')) {
    const text = member.trim()
    if (text.length >= 3 && text.startsWith('u=') && (text.length === 3 || text[3] === ';')) {
      const urgency = text.charCodeAt(2) - 48
      if (urgency >= 0 && urgency < URGENCIES) return urgency
    }
  }
  return null
}

function urgencyOfAccept(value: string): number | null {
  if (value.startsWith('text/html')) return PAGE
  if (value.startsWith('text/css')) return STYLE_OR_SCRIPT
  return value.startsWith('image/') ? IMAGE : null
}
