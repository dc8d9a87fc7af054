/** Runs a task now and again and again, never twice at once, not while the page is hidden. Returns what ends it. */
export function every(intervalMs, task) {
  let timer = 0
  let isOver = false
  const run = async () => {
    if (!document.hidden) await task().catch(error => console.warn(error.message))
    if (!isOver) timer = setTimeout(run, intervalMs)
  }
  run()
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}
