// Puts each app into a throw-away folder of its own (.apps/NAME, reused by later runs), outside the project's
// dependencies, and says what a machine lacks.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HomeApp } from './app.ts'
import { environment, findCommand, project } from './processes.ts'

const LIMIT_MS = 240_000
const BROWSER_COMMANDS = ['chromium', 'openssl']

export const appsFolder = join(project, '.apps')

/** The line that installs what an app or the browser needs and the machine lacks; undefined when all is there. */
export function missingCommands(app: HomeApp): string | undefined {
  const isMissing = (name: string) => (name.startsWith('/') ? !existsSync(name) : findCommand(name) === undefined)
  const ofApp = (app.commands ?? []).filter(isMissing)
  const missing = [...BROWSER_COMMANDS.filter(isMissing), ...(ofApp.length > 0 ? (app.debian ?? ofApp) : [])]
  return missing.length === 0 ? undefined : `apt-get install -y ${missing.join(' ')}`
}

/** Installs an app unless the wanted version is there already; throws with npm's last lines. */
export function installApp(app: HomeApp): string {
  const folder = join(appsFolder, app.name)
  if (Object.keys(app.packages).length === 0) return folder
  const manifest = { private: true, dependencies: app.packages, overrides: app.overrides ?? {} }
  const wanted = JSON.stringify(manifest, null, 2)
  const mark = join(folder, 'installed.json')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return folder
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), wanted)
  const npm = spawnSync('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund'], {
    cwd: folder,
    env: environment(),
    encoding: 'utf8',
    timeout: LIMIT_MS,
  })
  if (npm.status !== 0) throw new Error(`npm install of ${app.name} failed: ${npm.stderr?.slice(-600) ?? npm.error}`)
  writeFileSync(mark, wanted)
  return folder
}

/** The folder for screenshots, without those of an app's earlier runs. */
export function emptyShots(app: HomeApp): void {
  const shots = join(appsFolder, 'shots')
  mkdirSync(shots, { recursive: true })
  const old = readdirSync(shots).filter(file => file.startsWith(`${app.name}-`))
  for (const file of old) rmSync(join(shots, file))
}

/** An empty folder for the state of one program of this run. */
export function emptyState(name: string): string {
  const states = join(appsFolder, 'state')
  const folder = join(states, name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  // The project's package.json says "type": "module"; Node-RED's settings.js is CommonJS.
  writeFileSync(join(states, 'package.json'), '{ "private": true }')
  return folder
}
