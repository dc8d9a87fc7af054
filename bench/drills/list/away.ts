import { setTimeout as delay } from 'node:timers/promises'
import { failed, visitors, worstMs } from '../load.ts'
import { startOrigin } from '../origin.ts'
import type { Drill } from '../types.ts'

export const away: Drill = {
  name: 'away',
  title: 'an app refuses connections for 5 s, 10 GET/s and 1 POST/s',
  asked: 'no GET and no POST fails, worst wait 5.5 s, no POST runs twice',
  async run(run) {
    const origin = await startOrigin((_request, response) => response.end('here'), run.atEnd)
    const { port } = await run.front([origin.port])
    const gets = visitors(port, 10, 7_000)
    const posts = visitors(port, 1, 7_000, { method: 'POST', body: 'once' })
    // Between two POSTs: none is under way.
    await delay(1_500)
    await origin.die()
    await delay(5_000)
    await origin.comeBack()
    const [got, posted] = await Promise.all([gets, posts])
    const worst = worstMs([...got, ...posted])
    const twice = origin.requests.filter(({ method }) => method === 'POST').length - posted.length
    return {
      figures: [
        { name: 'failed GETs', value: failed(got), isFine: failed(got) === 0 },
        { name: 'failed POSTs', value: failed(posted), isFine: failed(posted) === 0 },
        { name: 'POSTs run twice', value: Math.max(0, twice), isFine: twice <= 0 },
        { name: 'worst ms', value: worst, isFine: worst <= 5_500 },
      ],
    }
  },
}
