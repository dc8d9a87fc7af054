/** All drills, in the order in which they run. */
import type { Drill } from '../types.ts'
import { away } from './away.ts'
import { faulty } from './faulty.ts'
import { killed } from './killed.ts'
import { overload } from './overload.ts'
import { restarts } from './restarts.ts'
import { slowTail } from './slow-tail.ts'
import { takeTurns } from './take-turns.ts'
import { thumbnails, thumbnailsApart } from './thumbnails.ts'

export const drills: readonly Drill[] = [
  away,
  killed,
  restarts,
  takeTurns,
  faulty,
  slowTail,
  overload,
  thumbnails,
  thumbnailsApart,
]
