import { isGood, visitors } from '../load.ts'
import { startOrigin } from '../origin.ts'
import type { Drill } from '../types.ts'

const BODY = Buffer.alloc(4_000, 'x')
const RATE = 150
const MS = 10_000

export const faulty: Drill = {
  name: 'faulty',
  title: 'an app answers 3 % of the requests with 503 and cuts 1 % of the bodies',
  asked: 'whole answers .997 at 1.05 attempts, no cut that looks whole',
  async run(run) {
    let number = 0
    const origin = await startOrigin((_request, response) => {
      // Spread by a step that shares no factor with 100, so that neighbours do not fail together.
      const turn = (number++ * 37) % 100
      if (turn < 3) return void response.writeHead(503).end('busy')
      response.writeHead(200, { 'content-length': BODY.length })
      if (turn > 3) return void response.end(BODY)
      response.write(BODY.subarray(0, 1_500), () => response.destroy())
    }, run.atEnd)
    const { port } = await run.front([origin.port])
    const got = await visitors(port, RATE, MS)
    const whole = got.filter(visited => isGood(visited) && visited.bytes === BODY.length).length / got.length
    const lies = got.filter(visited => isGood(visited) && visited.bytes !== BODY.length).length
    const attempts = origin.requests.length / got.length
    return {
      figures: [
        { name: 'whole', value: round(whole), isFine: whole >= 0.997 },
        { name: 'attempts', value: round(attempts), isFine: attempts <= 1.05 },
        { name: 'cuts that look whole', value: lies, isFine: lies === 0 },
      ],
    }
  },
}

function round(share: number): number {
  return Math.round(share * 10_000) / 10_000
}
