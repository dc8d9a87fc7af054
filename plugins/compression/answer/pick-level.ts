/**
 * The level for one answer, from what is known now.
 */
import type { Costs } from '../measure/costs.ts'
import type { RouteRules } from '../route-rules.ts'
import { chooseLevel, type LevelDecision, type LevelQuestion, type Load } from '../rules/choose-level.ts'
import type { Coding, ContentClass } from '../rules/types.ts'

export interface Known {
  readonly costs: Costs
  readonly load: Load
}

export interface Wanted {
  readonly rules: RouteRules
  readonly coding: Coding
  readonly contentClass: ContentClass
}

export function pickLevel(
  { costs, load }: Known,
  { rules, coding, contentClass }: Wanted,
  { length, bytesPerMs }: Pick<LevelQuestion, 'length' | 'bytesPerMs'>,
): LevelDecision {
  const ceiling = rules.ceiling(coding, contentClass)
  return chooseLevel({ coding, ceiling, length, bytesPerMs, load }, level => costs.of(coding, level, contentClass))
}
