/**
 * What the tests of the gateway's life share.
 */
import type { Test } from 'tap'
import { type RawOrigin, rawOrigin, type Script } from '../support/raw-origin.ts'

export const get = (path = '/', more = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`

export const route = (name: string, path: string, url: string) =>
  `  - { name: ${name}, match: { path: ${path} }, upstream: "${url}" }\n`

export async function originFor(t: Test, script: Script): Promise<RawOrigin> {
  const origin = await rawOrigin(script)
  t.teardown(() => origin.close())
  return origin
}

/** Waits until it holds. */
export async function eventually(holds: () => boolean | Promise<boolean>, ms = 5_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it did not come to it')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

export async function generationOf({ admin }: { readonly admin: string }): Promise<number> {
  return ((await (await fetch(`${admin}/api/stats`)).json()) as { generation: number }).generation
}
