/**
 * The dashboard: files that are read once at the start and served from memory, from this address only. They hold no
 * numbers; the page asks the admin API for them.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { DASHBOARD_FOLDER } from '../../places.ts'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Scripts and styles of this address only: no inline script, no foreign host, no form that leaves. */
export const DASHBOARD_POLICY = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'"],
  ...["frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"],
].join('; ')

interface Asset {
  readonly type: string
  readonly body: Buffer
}

export function addDashboard(app: FastifyInstance): void {
  const { '/assets/index.html': page, ...assets } = readAssets()
  if (page === undefined) throw new Error('the dashboard has no page: build again')
  for (const [path, asset] of Object.entries({ '/': page, ...assets })) {
    app.get(path, (_request, reply) =>
      reply.header('content-security-policy', DASHBOARD_POLICY).type(asset.type).send(asset.body),
    )
  }
}

/** By the path under which each is served. */
function readAssets(): Record<string, Asset> {
  const folder = fileURLToPath(DASHBOARD_FOLDER)
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => extname(name) in types)
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot'))
  const files: [string, string][] = [
    ...names.map((name): [string, string] => [name.replaceAll('\\', '/'), join(folder, name)]),
    ['uplot.js', join(uplot, 'uPlot.esm.js')],
    ['uplot.css', join(uplot, 'uPlot.min.css')],
  ]
  return Object.fromEntries(
    files.map(([name, file]) => [
      `/assets/${name}`,
      { type: types[extname(name)] ?? 'text/plain', body: readFileSync(file) },
    ]),
  )
}
