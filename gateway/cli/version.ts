/** Which Hearthgate this is. */
import { readFileSync } from 'node:fs'
import { PACKAGE_FILE } from '../places.ts'

let known: string | null = null

/** As in package.json. */
export function ownVersion(): string {
  known ??= (JSON.parse(readFileSync(PACKAGE_FILE, 'utf8')) as { version: string }).version
  return known
}
