/**
 * The settings of a route's cache as they stand in the configuration, and which of them somebody has changed.
 */
import { isDeepStrictEqual } from 'node:util'
import { cacheBlock } from '../config/cache-schema.ts'
import { complete } from '../config/complete.ts'
import type { Kind } from '../config/kinds.ts'
import { nameOf } from '../config/naming.ts'
import type { CacheConfig } from '../config/types.ts'
import { formatDuration, formatSize } from '../config/units.ts'
import type { CacheSetting } from './types.ts'

const defaults = complete(cacheBlock, {}, '/')

/** Every key of the block and of `key` in it, in the order of the documentation. */
export function cacheSettings(config: CacheConfig): CacheSetting[] {
  return settingsOf(cacheBlock, '', [config, defaults])
}

function settingsOf(block: Kind, prefix: string, [values, byDefault]: [unknown, unknown]): CacheSetting[] {
  return Object.entries(block.properties ?? {}).flatMap(([key, kind]) => {
    if (key === 'enabled') return []
    const name = nameOf(key, kind)
    const pair: [unknown, unknown] = [valueAt(values, name), valueAt(byDefault, name)]
    if (kind.reads.kind === 'block') return settingsOf(kind, `${prefix}${key}.`, pair)
    return [{ name: prefix + key, value: asWritten(kind, pair[0]), isDefault: isDeepStrictEqual(...pair) }]
  })
}

function valueAt(block: unknown, name: string): unknown {
  return (block as Readonly<Record<string, unknown>>)[name]
}

/** The text that the reader of the configuration reads back. */
function asWritten({ reads }: Kind, value: unknown): string {
  if (Array.isArray(value)) return `[${value.join(', ')}]`
  if (value === 0 && (reads.kind === 'duration' || reads.kind === 'ratio')) return 'off'
  if (reads.kind === 'duration') return formatDuration(Number(value))
  if (reads.kind === 'size') return formatSize(Number(value))
  return reads.kind === 'ratio' ? `${Number((Number(value) * 100).toFixed(4))}%` : String(value)
}
