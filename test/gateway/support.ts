/**
 * What the tests of the gateway's life share.
 */
import type { Test } from 'tap'
import { type RawOrigin, rawOrigin, type Script } from '../support/raw-origin.ts'
import { pem } from './listeners/support.ts'

const { cert, key } = pem('localhost')

/** The top of a configuration: TLS on the first port, plain HTTP on the second, no log. */
export const bothDoors = `listen:
  - { host: 127.0.0.1, port: 0, tls: { cert: ${cert}, key: ${key} } }
  - { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: 0 }
log: { level: silent, access: none }`

export const get = (path = '/', more = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`

export const route = (name: string, path: string, url: string) =>
  `  - { name: ${name}, match: { path: ${path} }, upstream: "${url}" }\n`

export async function originFor(t: Test, script: Script): Promise<RawOrigin> {
  const origin = await rawOrigin(script)
  t.teardown(() => origin.close())
  return origin
}

/** Waits until it holds. */
export async function eventually(holds: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it did not come to it')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

export async function generationOf({ admin }: { readonly admin: string }): Promise<number> {
  return ((await (await fetch(`${admin}/api/stats`)).json()) as { generation: number }).generation
}
