/** Every way an ordinary server may read a request path: with or without decoding, backslashes, merged slashes, fragments (RFC 3986 §6.2.2). */

const FLAGS = ['decode', 'backslash', 'merge', 'fragment'] as const

/** Resolved paths of a target in origin or absolute form. */
export function readings(target: string): Set<string> {
  const path = target.replace(/^[a-z]+:\/\/[^/?#]*/i, '').replace(/\?.*$/s, '')
  const all = new Set<string>()
  for (let mask = 0; mask < 2 ** FLAGS.length; mask++) {
    const has = (flag: (typeof FLAGS)[number]) => (mask & (1 << FLAGS.indexOf(flag))) !== 0
    let text = has('fragment') ? path.replace(/#.*$/s, '') : path
    if (has('decode'))
      text = text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
    else text = text.replace(/%2e/gi, '.')
    if (has('backslash')) text = text.replaceAll('\\', '/')
    if (has('merge')) text = text.replace(/\/{2,}/g, '/')
    all.add(resolveDots(text))
  }
  return all
}

function resolveDots(path: string): string {
  const out: string[] = []
  for (const segment of path.split('/').slice(1)) {
    if (segment === '..') out.pop()
    else if (segment !== '.') out.push(segment)
  }
  return `/${out.join('/')}`
}

/** Some reading of the target lies at or below the folder. */
export function mayReach(target: string, folder: string): boolean {
  return [...readings(target)].some(path => path === folder || path.startsWith(`${folder}/`))
}

/** Every reading of the target lies at or below the folder. */
export function staysBelow(target: string, folder: string): boolean {
  return [...readings(target)].every(path => path === folder || path.startsWith(`${folder}/`))
}
