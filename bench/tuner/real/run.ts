/**
 * Worlds on real sockets and the real clock: the built gateway between real clients and an app that behaves as the world
 * says. All run at once, each with an app of its own: a disturbance hits all of them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PROJECT_FOLDER } from '../../contenders/installed.ts'
import { freePort, waitUntilListening } from '../../http.ts'
import { Children } from '../../processes.ts'
import type { World } from '../world.ts'
import { type RealApp, startApp } from './app.ts'
import { runClients } from './clients.ts'
import { RealClock } from './clock.ts'
import { configOf, realContenders } from './gateways.ts'

/** Worlds without links and restarts: those need more than loopback has. */
export const REAL_WORLDS = ['s1-single-thread', 's2-fpm-pool', 's5-overload-retry', 's8-transient-503']

export interface RealRow {
  readonly world: string
  readonly contender: string
  readonly score: number
  readonly requests: number
  readonly attemptsPerRequest: number
}

export async function runReal(worlds: readonly World[], seconds: number, seed: number): Promise<RealRow[]> {
  const children = new Children(2_000)
  process.on('exit', () => children.killAll())
  const directory = mkdtempSync(join(tmpdir(), 'hearthgate-tuner-'))
  const setup: Setup = { seed, children, directory }
  try {
    const started: Started[] = []
    for (const world of worlds) {
      for (const name of Object.keys(realContenders)) {
        started.push(await start({ ...world, durationS: seconds }, name, setup))
      }
    }
    return await Promise.all(started.map(one => runOne(one, setup)))
  } finally {
    children.killAll()
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Setup {
  readonly seed: number
  readonly children: Children
  readonly directory: string
}

interface Started {
  readonly world: World
  readonly contender: string
  readonly app: RealApp
  readonly port: number
}

async function start(world: World, contender: string, { seed, children, directory }: Setup): Promise<Started> {
  const port = await freePort()
  const app = await startApp(world, new RealClock(), seed)
  const file = join(mkdtempSync(join(directory, 'one-')), 'gateway.yaml')
  const lines = realContenders[contender]?.(world, seed) ?? ''
  writeFileSync(file, configOf(world, { lines, port, origin: app.port }))
  const main = join(PROJECT_FOLDER, 'dist', 'gateway', 'main.js')
  const child = await children.start(contender, { file: process.execPath, args: [main, 'start', '--config', file] })
  await waitUntilListening(child, port)
  return { world, contender, app, port }
}

async function runOne({ world, contender, app, port }: Started, { seed }: Setup): Promise<RealRow> {
  const { score, requests } = await runClients(world, new RealClock(), { port, seed })
  app.close()
  return { world: world.id, contender, score, requests, attemptsPerRequest: app.attempts / requests }
}
