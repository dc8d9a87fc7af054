/** A Redis of the soak's own, which dies and comes back; null where none is installed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { freePort } from '../support/free-ports.ts'

export interface SoakRedis {
  readonly url: string
  restarts: number
  restart(awayMs: number): Promise<void>
}

export async function startRedis(t: { teardown(fn: () => unknown): void }): Promise<SoakRedis | null> {
  if (spawnSync('redis-server', ['--version']).status !== 0) return null
  const port = await freePort()
  const begin = () =>
    spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], { stdio: 'ignore' })
  let child: ChildProcess = begin()
  t.teardown(() => child.kill('SIGKILL'))
  const redis: SoakRedis = {
    url: `redis://127.0.0.1:${port}/6`,
    restarts: 0,
    async restart(awayMs) {
      redis.restarts++
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      await new Promise(resolve => setTimeout(resolve, awayMs))
      child = begin()
    },
  }
  return redis
}
