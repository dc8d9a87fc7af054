/** How long plugins noted that they made a request wait for its turn. */
import { notesOf } from '../plugins/contract/index.ts'

/** In milliseconds. */
export function queuedMs(request: object): number {
  let sum = 0
  for (const { topic, numbers } of notesOf(request)) {
    if (topic !== 'admission') continue
    const waited = numbers?.['waitMs']
    if (typeof waited === 'number') sum += waited
  }
  return sum
}
