/** What the tests of several processes share: a gateway of two workers, and what they say of themselves. */
import type { Test } from 'tap'
import type { GatewayStats } from '../../../gateway/admin/stats.ts'
import { base } from '../../support/gateway.ts'
import { type GatewayProcess, gatewayProcess } from '../../support/gateway-process.ts'
import { exchange } from '../../support/raw-client.ts'
import { answer, type Script } from '../../support/raw-origin.ts'
import { get, originFor, route } from '../support.ts'

export const two = `${base.replace('level: silent', 'level: warn')}workers: 2\n`
export const echo: Script = (request, socket) => void socket.write(answer(200, {}, request.target))

export async function statsOf({ admin }: GatewayProcess): Promise<GatewayStats> {
  return (await (await fetch(`${admin}/api/stats`)).json()) as GatewayStats
}

export function pidsOf(stats: GatewayStats): number[] {
  return (stats.workers ?? []).map(({ pid }) => pid)
}

export const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** One connection each, so that they go to the workers in turn. */
export async function bodies(port: number, count: number, path = '/x'): Promise<string[]> {
  const all: string[] = []
  for (let i = 0; i < count; i++) all.push((await exchange(port, get(path))).body.toString())
  return all
}

export async function twoWorkers(t: Test, more = '', script: Script = echo) {
  const origin = await originFor(t, script)
  const gateway = await gatewayProcess(t, `${two}${more}routes:\n${route('app', '/', origin.url)}`)
  return { origin, gateway }
}
