import { failed, quantileMs, visitors } from '../load.ts'
import { startOrigin } from '../origin.ts'
import type { Drill } from '../types.ts'

const RATE = 100
const MS = 20_000

export const slowTail: Drill = {
  name: 'slow-tail',
  title: 'two origins, 5 % of the answers take 2 s, the others 20 ms',
  asked: 'p99 200 ms at 1.1 attempts',
  async run(run) {
    let number = 0
    const start = () =>
      startOrigin((_request, response) => {
        const isSlow = (number++ * 37) % 100 < 5
        setTimeout(() => response.end('here'), isSlow ? 2_000 : 20)
      }, run.atEnd)
    const origins = [await start(), await start()]
    const { port } = await run.front(origins.map(origin => origin.port))
    const got = await visitors(port, RATE, MS)
    const reached = origins.reduce((sum, { requests }) => sum + requests.length, 0)
    const p99 = quantileMs(got, 0.99)
    const attempts = Math.round((reached / got.length) * 1000) / 1000
    return {
      figures: [
        { name: 'failed', value: failed(got), isFine: failed(got) === 0 },
        { name: 'p99 ms', value: p99, isFine: p99 <= 200 },
        { name: 'attempts', value: attempts, isFine: attempts <= 1.1 },
      ],
    }
  },
}
