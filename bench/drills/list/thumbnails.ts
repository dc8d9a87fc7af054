import { setTimeout as delay } from 'node:timers/promises'
import { failed, isGood, quantileMs, type Visit, visit } from '../load.ts'
import { startOrigin } from '../origin.ts'
import type { Drill } from '../types.ts'

const WORKERS = 4
const WORK_MS = 50
const CLIENTS = 64
const QUIET_MS = 4_000
const MS = 15_000
/** The person looks at something new so often. */
const LOOK_MS = 250
const PERSON = '127.0.0.2'

/** They may be one device with many connections, which is easy to tell from the person, or as many devices. */
export const thumbnails = drill('thumbnails', 'of one device', () => '127.0.0.3')
export const thumbnailsApart = drill('thumbnails-apart', 'each with an address of its own', i => `127.0.0.${10 + i}`)

function drill(name: string, who: string, from: (client: number) => string): Drill {
  return {
    name,
    title: `64 clients, ${who}, fetch thumbnails from an app of 4 workers (50 ms each), and one person looks at pages`,
    asked: "the person's p95 at most 3 times the quiet one; thumbnails .65 of the capacity, none failed",
    async run(run) {
      const free = Array.from({ length: WORKERS }, () => performance.now())
      const origin = await startOrigin((_request, response) => {
        const now = performance.now()
        const next = free.indexOf(Math.min(...free))
        free[next] = Math.max(free[next] as number, now) + WORK_MS
        setTimeout(() => response.end('done'), (free[next] as number) - now)
      }, run.atEnd)
      const { port } = await run.front([origin.port], { capacity: WORKERS })
      const quiet = await look(port, QUIET_MS)
      const untilMs = performance.now() + MS
      const fetched = Array.from({ length: CLIENTS }, (_, i) => fetchThumbnails(port, from(i), untilMs))
      const looked = await look(port, MS)
      const thumbs = (await Promise.all(fetched)).flat()
      const times = quantileMs(looked, 0.95) / quantileMs(quiet, 0.95)
      const share = thumbs.filter(isGood).length / ((WORKERS * MS) / WORK_MS)
      return {
        figures: [
          { name: "person's p95, times quiet", value: round(times), isFine: times <= 3 && failed(looked) === 0 },
          { name: 'quiet p95 ms', value: quantileMs(quiet, 0.95), isFine: null },
          { name: 'thumbnails, share of capacity', value: round(share), isFine: share >= 0.65 },
          { name: 'failed', value: failed(thumbs) + failed(looked), isFine: failed(thumbs) + failed(looked) === 0 },
        ],
      }
    },
  }
}

async function look(port: number, ms: number): Promise<Visit[]> {
  const visits: Promise<Visit>[] = []
  for (const untilMs = performance.now() + ms; performance.now() < untilMs; await delay(LOOK_MS)) {
    visits.push(visit(port, { path: `/page/${visits.length}`, from: PERSON }))
  }
  return Promise.all(visits)
}

async function fetchThumbnails(port: number, from: string, untilMs: number): Promise<Visit[]> {
  const visits: Visit[] = []
  while (performance.now() < untilMs) visits.push(await visit(port, { path: `/thumb/${from}/${visits.length}`, from }))
  return visits
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
