/**
 * What each word of a contract means, as a test through the gateway. A promise whose line names a path that its app does
 * not know fails, since the emulator refuses it.
 */
import type { Test } from 'tap'
import type { PresetPromise } from '../../gateway/config/presets.ts'
import { keepsAddresses } from './promises-addresses.ts'
import { comesBack } from './promises-bodies.ts'
import { isKept } from './promises-cache.ts'
import { isHeard } from './promises-heads.ts'
import { takesTime } from './promises-time.ts'
import type { Rig } from './rig.ts'

export type Check = (t: Test, rig: Rig, line: PresetPromise) => Promise<void>

export const checks: Readonly<Partial<Record<PresetPromise['promise'], Check>>> = {
  ...takesTime,
  ...isKept,
  ...isHeard,
  ...comesBack,
  ...keepsAddresses,
}
