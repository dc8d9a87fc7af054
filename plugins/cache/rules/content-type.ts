/**
 * Media types as the cache needs them, and the one lie it must not spread: a page of HTML under the address of a script,
 * a style sheet or a picture (web cache deception; an app's fall-back page under an old asset's name).
 */

/** Type and subtype without parameters, lower case. */
export function isMediaType(contentType: string | null, wanted: string): boolean {
  if (contentType === null) return false
  const semicolon = contentType.indexOf(';')
  return (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase() === wanted
}

const assetExtensions = new Set([
  ...['js', 'mjs', 'cjs', 'css', 'map', 'json', 'wasm', 'woff', 'woff2', 'ttf', 'otf', 'eot', 'txt', 'xml', 'pdf'],
  ...['png', 'jpg', 'jpeg', 'gif', 'svg', 'webp', 'avif', 'ico', 'bmp', 'mp3', 'mp4', 'webm', 'ogg', 'zip', 'gz'],
])

export function isHtmlBehindAsset(target: string, contentType: string | null): boolean {
  if (!isMediaType(contentType, 'text/html') && !isMediaType(contentType, 'application/xhtml+xml')) return false
  return extensionsOf(target).some(extension => assetExtensions.has(extension))
}

/** Every reading of the last segment's extension: escapes decoded, path parameters (`;`) cut or not. */
function extensionsOf(target: string): string[] {
  const question = target.indexOf('?')
  const path = decodeAscii(question === -1 ? target : target.slice(0, question)).toLowerCase()
  const lastSegment = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
  return lastSegment.split(';').map(part => part.slice(part.lastIndexOf('.') + 1))
}

/** Escapes of printable ASCII only; anything else stays as it is. */
function decodeAscii(path: string): string {
  if (!path.includes('%')) return path
  let text = ''
  for (let at = 0; at < path.length; at++) {
    const code = path[at] === '%' ? Number.parseInt(path.slice(at + 1, at + 3), 16) : Number.NaN
    const isPrintable = code > 0x20 && code < 0x7f
    text += isPrintable ? String.fromCharCode(code) : path[at]
    if (isPrintable) at += 2
  }
  return text
}
