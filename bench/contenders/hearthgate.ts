/** The gateway itself: the built command with every default on, once without and once with its access log. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROJECT_FOLDER } from './installed.ts'
import type { Availability, Contender, Launch, Setting } from './types.ts'

const MAIN = join(PROJECT_FOLDER, 'dist', 'gateway', 'main.js')

function find(): Availability {
  if (!existsSync(MAIN)) return { available: false, reason: 'not built (npm run build)' }
  const { version } = JSON.parse(readFileSync(join(PROJECT_FOLDER, 'package.json'), 'utf8')) as { version: string }
  return { available: true, version }
}

function launch({ directory, port, originPort }: Setting, access: 'none' | 'json'): Launch {
  const config = `listen: { host: 127.0.0.1, port: ${port} }
admin: { host: 127.0.0.1, port: 0 }
state_dir: ./state
log: { level: warn, access: ${access} }
routes:
  - name: bench
    match: { path: / }
    upstream: http://127.0.0.1:${originPort}
`
  const args = [MAIN, 'start', '--config', join(directory, 'gateway.yaml')]
  return {
    command: { file: process.execPath, args, discardOutput: access === 'json' },
    files: new Map([['gateway.yaml', config]]),
  }
}

export const hearthgate: Contender = {
  name: 'hearthgate',
  about: 'the gateway with its defaults, `log.access: none`',
  find,
  launch: setting => launch(setting, 'none'),
}

export const hearthgateLog: Contender = {
  name: 'hearthgate-log',
  about: 'the same with `log.access: json`, to /dev/null',
  find,
  launch: setting => launch(setting, 'json'),
}
