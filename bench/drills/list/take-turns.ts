import { setTimeout as delay } from 'node:timers/promises'
import { failed, visitors, worstMs } from '../load.ts'
import { startOrigin } from '../origin.ts'
import type { Drill } from '../types.ts'

export const takeTurns: Drill = {
  name: 'take-turns',
  title: 'two origins, each away for 3 s, 50 GET/s',
  asked: 'no GET fails, worst 200 ms',
  async run(run) {
    const start = () => startOrigin((_request, response) => response.end('here'), run.atEnd)
    const origins = [await start(), await start()]
    const { port } = await run.front(origins.map(origin => origin.port))
    const gets = visitors(port, 50, 9_000)
    for (const origin of origins) {
      await delay(1_000)
      await origin.die()
      await delay(3_000)
      await origin.comeBack()
    }
    const got = await gets
    const worst = worstMs(got)
    return {
      figures: [
        { name: 'failed', value: failed(got), isFine: failed(got) === 0 },
        { name: 'worst ms', value: worst, isFine: worst <= 200 },
      ],
    }
  },
}
