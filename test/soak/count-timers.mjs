// Loaded into the soaked gateway: how many timers live in its main thread, told into the file of HG_TIMERS. Those that are unref'ed
// count too, which process.getActiveResourcesInfo() leaves out.
import { createHook } from 'node:async_hooks'
import { renameSync, writeFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'

// NODE_OPTIONS loads this into the threads of the disk's index and of the encoders as well.
if (isMainThread) tellTimers(process.env.HG_TIMERS)

function tellTimers(file) {
  const timers = new Set()
  createHook({
    init: (id, type) => void (type === 'Timeout' && timers.add(id)),
    destroy: id => void timers.delete(id),
    trackPromises: false,
  }).enable()
  setInterval(() => {
    // Whoever reads meanwhile finds a whole number.
    writeFileSync(`${file}.new`, String(timers.size))
    renameSync(`${file}.new`, file)
  }, 500).unref()
}
