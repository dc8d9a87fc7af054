/** Which Hearthgate this is. */
import { readFileSync } from 'node:fs'

let known: string | null = null

/** As in package.json. */
export function ownVersion(): string {
  const up = import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json'
  known ??= (JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as { version: string }).version
  return known
}
