/**
 * `hearthgate start`: opens the gateway, says where it is, reloads on SIGHUP or a changed file, drains on a stop.
 */
import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import { type LoadResult, loadConfig } from '../config/load.ts'
import { formatProblem } from '../config/problem.ts'
import { ConfigurationError, type GatewayOptions, openGateway, type RunningGateway } from '../lifecycle.ts'
import { openLog } from '../log-target.ts'
import { collectStartGarbage } from '../start-garbage.ts'
import type { CliIo } from './io.ts'
import { removeRuntimeFile, writeRuntimeFile } from './runtime-file.ts'
import { ConfigWatch } from './watch-config.ts'

const EXIT_CONFIG = 78
/** Errors of an opening that the configuration asked for, with what to do about them where their words do not say it. */
const configurationErrors: ReadonlyMap<string, string> = new Map([
  ['HG_TLS', ''],
  ['HG_LISTEN', ''],
  ['EACCES', ''],
  ['HG_CACHE_STORE', '; name a folder that this user can write in `store`, or take `store: memory`'],
])
/** A second signal ends the process at once with the shell's code for an interrupt. */
const EXIT_INTERRUPTED = 130

export interface StartOptions {
  readonly config: string
  readonly partial: boolean
}

/** Resolves when the gateway has ended: 0 after a clean drain, 78 when it could not start. */
export async function runStart(options: StartOptions, io: CliIo): Promise<number> {
  const file = resolve(io.cwd, options.config)
  if (cluster.isWorker) return (await import('../workers/index.ts')).runWorker({ file, partial: options.partial })
  const log = openLog()
  const opening = open({ file, partial: options.partial, log })
  // A gateway that does not open is reported below.
  const whenOpen = (use: (gateway: RunningGateway) => void) => void opening.then(use, () => {})
  const reload = () => whenOpen(gateway => void gateway.reload())
  // Stays to the end: without a listener the signal would kill the process while it drains.
  process.on('SIGHUP', reload)
  const watch = new ConfigWatch(file, {
    onChange: reload,
    onUnwatchable: (folder, cause) => whenOpen(() => warnUnwatchable(log.logger, folder, cause)),
  })
  let gateway: RunningGateway
  try {
    gateway = await opening
  } catch (error) {
    watch.close()
    return refuse(error, io)
  }
  const runtimeFile = await publish(gateway, io)
  const stopped = stopSignal()
  announce(gateway, io)
  void collectStartGarbage()
  await stopped
  watch.close()
  await gateway.close()
  if (runtimeFile !== null) await removeRuntimeFile(runtimeFile)
  return 0
}

/** In this process, or in as many as the configuration asks for. */
async function open(options: GatewayOptions): Promise<RunningGateway> {
  const loaded = loadConfig(options.file, { partial: options.partial })
  const size = wantedWorkers(loaded)
  if (size === 1) return openGateway({ ...options, loaded })
  return (await import('../workers/index.ts')).openSupervisor(options, size)
}

/** How many processes the configuration asks for; 1 also for one that cannot be used, which `openGateway` explains. */
function wantedWorkers(loaded: LoadResult): number {
  if (!loaded.ok) return 1
  return loaded.config.workers === 'auto' ? availableParallelism() : loaded.config.workers
}

function warnUnwatchable(log: Logger, folder: string, err: unknown): void {
  log.warn({ folder, err }, 'the configuration cannot be watched: a change is found within a minute, or by SIGHUP')
}

function refuse(error: unknown, io: CliIo): number {
  if (error instanceof ConfigurationError) {
    for (const problem of error.problems) io.stderr.write(`${formatProblem(problem, io.cwd)}\n`)
    io.stderr.write(`hearthgate: not started, ${error.problems.length} problem(s) in the configuration\n`)
    return EXIT_CONFIG
  }
  const { code = '', message } = error as NodeJS.ErrnoException
  const remedy = configurationErrors.get(code)
  io.stderr.write(`hearthgate: not started: ${message}${remedy ?? ''}\n`)
  return remedy === undefined ? 1 : EXIT_CONFIG
}

/** One line of JSON for programs; for people on a terminal, words. */
function announce(gateway: RunningGateway, io: CliIo): void {
  const { listen, admin } = gateway
  if ((io.stdout as NodeJS.WriteStream).isTTY) {
    io.stdout.write(`Hearthgate is ready.\n  gateway    ${listen.join('  ')}\n  dashboard  ${admin}\n`)
  } else io.stdout.write(`${JSON.stringify({ ready: true, listen, admin, pid: process.pid })}\n`)
}

/** Tells the other commands where the gateway is; without it they need to be told by hand. */
async function publish(gateway: RunningGateway, io: CliIo): Promise<string | null> {
  try {
    return await writeRuntimeFile(gateway)
  } catch (error) {
    const { stateDir } = gateway.config
    io.stderr.write(`hearthgate: ${stateDir} cannot be written, other commands need --admin URL: ${error}\n`)
    return null
  }
}

/** Resolves at the first SIGTERM or SIGINT; the second ends the process. */
function stopSignal(): Promise<void> {
  return new Promise(stop => {
    let isStopping = false
    const onSignal = () => {
      if (isStopping) process.exit(EXIT_INTERRUPTED)
      isStopping = true
      stop()
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
