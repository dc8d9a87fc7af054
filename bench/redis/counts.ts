/** What Redis says of itself, as numbers, and what a load of requests has cost it. Pure. */

export interface RedisCounts {
  /** Calls by command, those inside of scripts too. */
  readonly calls: ReadonlyMap<string, number>
  readonly inBytes: number
  readonly outBytes: number
  /** Of the whole process. */
  readonly cpuSeconds: number
}

export interface RedisCost {
  /** By command, a request; the dearest first. */
  readonly calls: readonly (readonly [string, number])[]
  readonly inBytes: number
  readonly outBytes: number
  readonly cpuMicroseconds: number
}

/** Commands of the gateway's and the bench's own housekeeping. */
const HOUSEKEEPING = new Set(['info', 'ping', 'select', 'client', 'config', 'subscribe', 'hello', 'cluster', 'auth'])

/** @param info text of `INFO everything` */
export function readCounts(info: string): RedisCounts {
  const calls = new Map<string, number>()
  for (const [, name, count] of info.matchAll(/^cmdstat_([\w|-]+):calls=(\d+)/gm)) {
    const command = (name as string).split('|')[0] as string
    if (!HOUSEKEEPING.has(command)) calls.set(command, (calls.get(command) ?? 0) + Number(count))
  }
  const number = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? 0)
  return {
    calls,
    inBytes: number('total_net_input_bytes'),
    outBytes: number('total_net_output_bytes'),
    cpuSeconds: number('used_cpu_sys') + number('used_cpu_user'),
  }
}

/** What one of `requests` has cost. */
export function costOf(before: RedisCounts, after: RedisCounts, requests: number): RedisCost {
  const calls = Array.from(after.calls, ([name, count]) => {
    return [name, (count - (before.calls.get(name) ?? 0)) / requests] as const
  })
  return {
    calls: calls.filter(([, count]) => count >= 0.01).sort((one, other) => other[1] - one[1]),
    inBytes: (after.inBytes - before.inBytes) / requests,
    outBytes: (after.outBytes - before.outBytes) / requests,
    cpuMicroseconds: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / requests,
  }
}

export const TABLE_HEAD = `| | questions | commands | to Redis | from Redis | CPU of Redis | one core gives |
| --- | --- | --- | --- | --- | --- | --- |`

/** What is sent by the gateway; the rest runs inside of scripts. */
const SENT = new Set(['eval', 'evalsha', 'publish', 'lpush', 'ltrim', 'expire'])

export function tableRow(name: string, cost: RedisCost): string {
  const told = cost.calls.map(([command, count]) => `${count.toFixed(2)} ${command}`).join(', ') || 'none'
  const hasScript = cost.calls.some(([command]) => command.startsWith('eval'))
  const sent = cost.calls.filter(([command]) => !hasScript || SENT.has(command) || isBody(command))
  const questions = sent.reduce((sum, [, count]) => sum + count, 0).toFixed(2)
  // Less than that is housekeeping, and says nothing about requests.
  const perCore = cost.cpuMicroseconds < 5 ? '' : `${Math.round(1e6 / cost.cpuMicroseconds)} a second`
  const bytes = (count: number): string => `${Math.round(count)} B`
  const cpu = `${cost.cpuMicroseconds.toFixed(0)} µs`
  return `| ${name} | ${questions} | ${told} | ${bytes(cost.inBytes)} | ${bytes(cost.outBytes)} | ${cpu} | ${perCore} |`
}

const isBody = (command: string): boolean => command === 'set' || command === 'getrange'
