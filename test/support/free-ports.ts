/** Ports for what has to be told its port before it listens. */
import { createServer } from 'node:net'

const handedOut = new Set<number>()

/**
 * Ports of 127.0.0.1 that are free, each given out once in a process, and below those that the system gives to outgoing
 * connections: one of them may otherwise be taken before it is listened on.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = 15_000 + Math.floor(Math.random() * 16_000)
    if (handedOut.has(port) || !(await isFree(port))) continue
    handedOut.add(port)
    ports.push(port)
  }
  return ports
}

export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1)
  return port
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
