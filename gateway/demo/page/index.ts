/**
 * The page at `/` and its assets. The assets carry a hash of their bytes in the name and may be kept for ever
 * (RFC 8246); the page names them relatively, so that it works under any mount.
 */
import { createHash } from 'node:crypto'
import { type Endpoint, type Representation, readEndpoint, sendRepresentation } from '../answer.ts'
import { CLIENT_SCRIPT } from './client.js.ts'
import { LIVE_SCRIPT } from './live.js.ts'
import { PAGE_HEAD_SCRIPT, renderPage } from './page.html.ts'
import { STYLE } from './style.css.ts'

const script = makeAsset('app', 'js', 'text/javascript; charset=utf-8', CLIENT_SCRIPT + LIVE_SCRIPT)
const style = makeAsset('style', 'css', 'text/css; charset=utf-8', STYLE)
const page = makePage()

export const home: Endpoint = readEndpoint(exchange => sendRepresentation(exchange, page))

/** Paths of the assets, such as `/assets/app.1f0c….js`, with what they answer. */
export const assets: readonly [string, Endpoint][] = [script, style].map(({ path, representation }) => [
  `/${path}`,
  readEndpoint(exchange => sendRepresentation(exchange, representation)),
])

interface Asset {
  /** Without a slash at the start: relative to the page. */
  readonly path: string
  readonly representation: Representation
}

function makeAsset(name: string, extension: string, type: string, text: string): Asset {
  const body = Buffer.from(text)
  const hash = hashOf(body, 'hex').slice(0, 12)
  const headers = { 'content-type': type, 'cache-control': 'public, max-age=31536000, immutable' }
  return { path: `assets/${name}.${hash}.${extension}`, representation: { headers, etag: `"${hash}"`, body } }
}

function makePage(): Representation {
  const body = Buffer.from(renderPage({ script: script.path, style: style.path }))
  const policy = [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hashOf(Buffer.from(PAGE_HEAD_SCRIPT), 'base64')}'`,
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'content-security-policy': policy,
  }
  return { headers, etag: `"${hashOf(body, 'hex').slice(0, 12)}"`, body }
}

function hashOf(bytes: Buffer, encoding: 'hex' | 'base64'): string {
  return createHash('sha256').update(bytes).digest(encoding)
}
