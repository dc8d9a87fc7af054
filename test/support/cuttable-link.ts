/** A way to a server on loopback that can be cut, as a network is, and healed. */
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface Link {
  readonly port: number
  cut(): void
  heal(): void
}

export async function cuttableLink(t: Teardown, farPort: number): Promise<Link> {
  const sockets = new Set<net.Socket>()
  let isCut = false
  const cutAll = (): void => sockets.forEach(socket => void socket.destroy())
  const server = net.createServer(near => {
    if (isCut) return void near.destroy()
    const far = net.connect(farPort, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    near.on('close', () => far.destroy()).pipe(far)
    far.on('close', () => near.destroy()).pipe(near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    cutAll()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true
      cutAll()
    },
    heal: () => {
      isCut = false
    },
  }
}
