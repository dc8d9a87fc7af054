// Loaded into a gateway before anything else: its wall clock is off by the milliseconds in the file of HG_CLOCK.
import { readFileSync } from 'node:fs'

const Real = Date
let offset = 0
setInterval(() => {
  offset = Number(readFileSync(process.env.HG_CLOCK, 'utf8'))
}, 10).unref()

globalThis.Date = class extends Real {
  constructor(...given) {
    super(...(given.length === 0 ? [Real.now() + offset] : given))
  }
  static now() {
    return Real.now() + offset
  }
}
