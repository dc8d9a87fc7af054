import { setTimeout as delay } from 'node:timers/promises'
import { failed, visitors, worstMs } from '../load.ts'
import { startOrigin } from '../origin.ts'
import type { Drill } from '../types.ts'

export const restarts: Drill = {
  name: 'restarts',
  title: 'two restarts of 300 ms at 100 GET/s',
  asked: 'no GET fails, worst 500 ms',
  async run(run) {
    const origin = await startOrigin((_request, response) => response.end('here'), run.atEnd)
    const { port } = await run.front([origin.port])
    const gets = visitors(port, 100, 5_000)
    for (let i = 0; i < 2; i++) {
      await delay(1_000)
      await origin.die()
      await delay(300)
      await origin.comeBack()
    }
    const got = await gets
    const worst = worstMs(got)
    return {
      figures: [
        { name: 'failed', value: failed(got), isFine: failed(got) === 0 },
        { name: 'worst ms', value: worst, isFine: worst <= 500 },
      ],
    }
  },
}
