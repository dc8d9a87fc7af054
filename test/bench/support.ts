/** Loads of the bench against a server of the test. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { LoadResult, LoadTool } from '../../bench/load.ts'
import { Children } from '../../bench/processes.ts'
import { WORKLOADS, type Workload } from '../../bench/workloads.ts'

export const skip = process.platform === 'linux' ? false : 'the bench runs on Linux only'

export interface Load {
  readonly tool: LoadTool
  /** Of the workload, and what is other than there. */
  readonly name: string
  readonly change: Partial<Workload>
  readonly path: string
}

/** Loads a server of `listener` for a second. */
export async function loadServer(t: Test, listener: RequestListener, load: Load): Promise<LoadResult> {
  const { tool, name, change, path } = load
  const server = createServer(listener)
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  const children = new Children()
  t.teardown(() => {
    children.killAll()
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
  const workload = { ...WORKLOADS.find(candidate => candidate.name === name)!, ...change }
  const command = tool.command({ url, workload, seconds: 1, directory: '/tmp' })
  return tool.parse(await children.run(tool.name, command, 20_000), '/tmp')
}
