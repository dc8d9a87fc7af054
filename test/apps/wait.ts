// Waiting for something to become true in another process: asked again and again, never longer than a limit.
import { setTimeout as delay } from 'node:timers/promises'

/** True as soon as `isTrue` is, false when it still is not after `limitMs`. */
export async function eventually(isTrue: () => boolean | Promise<boolean>, limitMs = 15_000): Promise<boolean> {
  const deadline = performance.now() + limitMs
  while (!(await isTrue())) {
    if (performance.now() > deadline) return false
    await delay(50)
  }
  return true
}

/** True once a GET of `path` on a loopback port gets an answer below 500. */
export async function answers(port: number, path: string): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5_000) })
    await response.arrayBuffer()
    return response.status < 500
  } catch {
    return false
  }
}
