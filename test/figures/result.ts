/** One promise in numbers: what was measured, in words, and whether it is kept. */
export interface Result {
  readonly text: string
  readonly isKept: boolean
}
