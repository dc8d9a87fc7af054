/**
 * What the tests of attacks on the cache share: a gateway with one route to a scripted origin, and requests as text.
 */
import { base, startGateway, type TestGateway } from '../support/gateway.ts'
import type { RawAnswer } from '../support/raw-client.ts'
import { type RawOrigin, rawOrigin, type Script } from '../support/raw-origin.ts'

interface Teardown {
  teardown(fn: () => unknown): void
}

export const MiB = 1024 * 1024

export async function holds(condition: () => boolean, what: string, ms = 5_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`gave up waiting: ${what}`)
    await new Promise(wake => setTimeout(wake, 5))
  }
}

export const later = (ms: number): Promise<void> => new Promise(wake => setTimeout(wake, ms))

export interface Opened {
  readonly origin: RawOrigin
  readonly port: number
  readonly gateway: TestGateway
}

/** One route to `script`; `cache` is the inside of its cache block, `top` lines of the whole file. */
export async function open(t: Teardown, script: Script, { cache = '', top = '', route = '' } = {}): Promise<Opened> {
  const origin = await rawOrigin(script)
  t.teardown(() => origin.close())
  const gateway = await startGateway(t, config(origin.url, { cache, top, route }))
  return { origin, port: gateway.port, gateway }
}

export function config(url: string, { cache = '', top = '', route = '' } = {}): string {
  return `${base}${top}
routes:
  - name: site
    match: { host: "*" }
    upstream: "${url}"
    ${route}
    cache: { enabled: true${cache === '' ? '' : `, ${cache}`} }
`
}

export function get(target: string, ...lines: string[]): string {
  return request('GET', target, ...lines)
}

export function request(method: string, target: string, ...lines: string[]): string {
  return `${method} ${target} HTTP/1.1\r\nHost: site.test\r\n${lines.map(line => `${line}\r\n`).join('')}\r\n`
}

export const cacheStatus = ({ headers }: RawAnswer): string => headers['cache-status'] ?? ''

export async function purge({ adminUrl }: TestGateway, selector: Record<string, unknown>): Promise<unknown> {
  const headers = { 'content-type': 'application/json', 'x-hearthgate': '1' }
  return (
    await fetch(`${adminUrl}/api/cache/purge`, { method: 'POST', headers, body: JSON.stringify(selector) })
  ).json()
}
