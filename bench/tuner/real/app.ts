/** The app of a world as a real server on loopback: the model decides how long each request takes and how it ends. */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { AppModel } from '../app-model.ts'
import { Random } from '../random.ts'
import type { Clock } from '../timeline.ts'
import type { RouteWorld, World } from '../world.ts'

/** How many bytes the answer should have, as the client of the world wishes it. */
export const BYTES_FIELD = 'x-bytes'

export interface RealApp {
  readonly port: number
  /** Requests that have reached it. */
  readonly attempts: number
  close(): void
}

export async function startApp(world: World, clock: Clock, seed: number): Promise<RealApp> {
  const random = new Random(seed, 2)
  const model = new AppModel(world.upstreams[0] as never, clock, random)
  let attempts = 0
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    attempts++
    const route = routeOf(world, request.url ?? '')
    const visit: Parameters<AppModel['visit']>[0] = {
      work: random.draw(route.work),
      fails: random.next() < (route.p5xx ?? 0),
      holds: route.holds ?? false,
      job: null,
      ended: kind => {
        if (kind === 'ok') return response.end(Buffer.alloc(Number(request.headers[BYTES_FIELD] ?? 0), 'x'))
        if (kind === '5xx') return response.writeHead(503).end()
        return response.destroy()
      },
    }
    response.on('close', () => {
      if (!response.writableFinished) model.leave(visit)
    })
    model.visit(visit)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get attempts() {
      return attempts
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function routeOf({ routes }: World, path: string): RouteWorld {
  return (routes.find(({ id }) => path.startsWith(`/${id}/`)) ?? routes[0]) as RouteWorld
}
