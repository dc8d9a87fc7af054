/** A Redis of the bench's own: one server, or the same as a Cluster of one node that has all slots. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort } from '../http.ts'
import type { Children } from '../processes.ts'

const START_MS = 10_000

export interface BenchRedis {
  /** As in `store`. */
  readonly url: string
  readonly client: Redis
  readonly version: string
  close(): void
}

export async function startRedis(children: Children, isCluster: boolean): Promise<BenchRedis> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-bench-redis-'))
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const cluster = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']
  await children.start('redis-server', { file: 'redis-server', args: isCluster ? [...args, ...cluster] : args })
  const client = new Redis({ host: '127.0.0.1', port, retryStrategy: () => 50, maxRetriesPerRequest: 200 })
  client.on('error', () => {})
  const info = await client.info('server')
  if (isCluster) await takeAllSlots(client)
  return {
    url: isCluster ? `redis+cluster://127.0.0.1:${port}` : `redis://127.0.0.1:${port}/6`,
    client,
    version: /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown',
    close: () => {
      client.disconnect()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function takeAllSlots(client: Redis): Promise<void> {
  await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  for (const end = performance.now() + START_MS; ; await sleep(50)) {
    if (String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) return
    if (performance.now() > end) throw new Error('the Cluster did not come up')
  }
}
