// Loaded into the soaked gateway: how many timers live, told into the file of HG_TIMERS. Those that are unref'ed count too, which
// process.getActiveResourcesInfo() leaves out.
import { createHook } from 'node:async_hooks'
import { writeFileSync } from 'node:fs'

const timers = new Set()
createHook({
  init: (id, type) => void (type === 'Timeout' && timers.add(id)),
  destroy: id => void timers.delete(id),
  trackPromises: false,
}).enable()
setInterval(() => writeFileSync(process.env.HG_TIMERS, String(timers.size)), 500).unref()
