/** Writes generated files into a run's folder. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export function writeFiles(directory: string, files: ReadonlyMap<string, string | Buffer>): void {
  for (const [name, content] of files) writeFileSync(join(directory, name), content)
}
