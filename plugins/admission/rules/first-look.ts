/**
 * The first look at a crowd, before a whole window of it is over: whether what came at once is far more than the origins
 * work on at once. Nothing is known of them yet, so the limit is a guess, and each second at a guess that is too high is
 * one in which whoever opens a page waits behind all that was let in.
 *
 * A sequential probability ratio test (A. Wald, Sequential Analysis, 1947; for counts in continuous time Dvoretzky, Kiefer
 * and Wolfowitz, Ann. Math. Stat. 24, 1953): answers that come at the rate of origins that work on half of the limit
 * against those of origins that work on a quarter of it. It decides as soon as the answers tell them apart: soon where
 * they are fast, and never where a chance few of them were slow.
 */
import { median } from '../answer-times.ts'

/** What was seen since requests began to wait. */
export interface Crowd {
  readonly limit: number
  readonly elapsedMs: number
  readonly answers: number
  /** Of answers whose kind was seen alone: latency over unloaded latency. */
  readonly ratios: readonly number[]
  /** Sum of the unloaded latencies of the same, ms. */
  readonly unloadedMs: number
}

export type FirstLook =
  | { readonly shrink: true; readonly to: number; readonly aloneMs: number; readonly reason: 'far-too-many' }
  | { readonly shrink: false; readonly reason: 'too-few-answers' | 'undecided' | 'works-on-them' | 'not-slower' }

/** One in a hundred such crowds may be taken for what it is not. */
const SURE = Math.log(100)
/** Fewer than these are those that were lucky, and not what the origins do. */
const ENOUGH_ANSWERS = 12
/** Times as slow as alone: as many wait inside as are worked on. What is slow by nature alone is not. */
const SLOWER = 2
/** Shares of the limit that the origins work on. */
const SUITS = 1 / 2
const FAR_TOO_MANY = 1 / 4

export function decideFirstLook({ limit, elapsedMs, answers, ratios, unloadedMs }: Crowd): FirstLook {
  if (ratios.length < ENOUGH_ANSWERS || elapsedMs <= 0) return { shrink: false, reason: 'too-few-answers' }
  const aloneMs = unloadedMs / ratios.length
  /** Requests that could have been answered one after the other. */
  const turns = elapsedMs / aloneMs
  const evidence = limit * turns * (SUITS - FAR_TOO_MANY) - answers * Math.log(SUITS / FAR_TOO_MANY)
  if (evidence <= -SURE) return { shrink: false, reason: 'works-on-them' }
  if (evidence < SURE) return { shrink: false, reason: 'undecided' }
  if ((median(ratios) ?? 0) < SLOWER) return { shrink: false, reason: 'not-slower' }
  // By Little's law; so few answers may tell a fraction too little, and one more is on its way.
  const worksOn = (answers / turns) * (1 + 1 / Math.sqrt(answers))
  // No further than what was tested for.
  const to = Math.max(Math.round(worksOn) + 1, Math.ceil(limit * FAR_TOO_MANY))
  return to < limit ? { shrink: true, to, aloneMs, reason: 'far-too-many' } : { shrink: false, reason: 'works-on-them' }
}
