/**
 * The level for one answer, from what is known now.
 */

import { LAN_BYTES_PER_MS, WAN_BYTES_PER_MS } from '../measure/bandwidth.ts'
import type { Costs } from '../measure/costs.ts'
import type { RouteRules } from '../route-rules.ts'
import { chooseLevel, type LevelDecision, type Load } from '../rules/choose-level.ts'
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
  { length, isLocal }: { readonly length: number | null; readonly isLocal: boolean },
): LevelDecision {
  const bytesPerMs = isLocal ? LAN_BYTES_PER_MS : WAN_BYTES_PER_MS
  const ceiling = rules.ceiling(coding, contentClass)
  return chooseLevel({ coding, ceiling, length, bytesPerMs, load }, level => costs.of(coding, level, contentClass))
}
