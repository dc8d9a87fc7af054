/**
 * The gateway as a process of its own, for tests of memory, signals and exit codes.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Teardown {
  teardown(fn: () => unknown): void
}

export interface GatewayProcess {
  readonly child: ChildProcess
  readonly file: string
  readonly folder: string
  readonly ports: number[]
  readonly port: number
  readonly admin: string
  /** What it has written to stderr. */
  log(): string
  rssBytes(): number
  descriptors(): number
  /** Bytes that it has read so far, of sockets and files. */
  readBytes(): number
}

const main = process.env.HG_MAIN ?? fileURLToPath(new URL('../../gateway/main.ts', import.meta.url))

/** Starts it from YAML text and waits for its ready line. */
export async function gatewayProcess(t: Teardown, yaml: string, args: string[] = []): Promise<GatewayProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'hearthgate-test-'))
  const file = join(folder, 'gateway.yaml')
  writeFileSync(file, yaml)
  const child = spawn(process.execPath, [main, 'start', '--config', file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', chunk => {
    log = (log + chunk).slice(-200_000)
  })
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    rmSync(folder, { recursive: true, force: true })
  })
  const ready = await readyLine(child, () => log)
  const ports = ready.listen.map(url => Number(new URL(url).port))
  return {
    child,
    file,
    folder,
    ports,
    port: ports[0] as number,
    admin: ready.admin,
    log: () => log,
    rssBytes: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024,
    descriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
    readBytes: () => Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${child.pid}/io`, 'utf8'))?.[1]),
  }
}

async function readyLine(child: ChildProcess, log: () => string): Promise<{ listen: string[]; admin: string }> {
  let out = ''
  return await new Promise((resolve, reject) => {
    child.stdout?.on('data', chunk => {
      out += chunk
      if (out.includes('\n')) resolve(JSON.parse(out.slice(0, out.indexOf('\n'))))
    })
    child.once('exit', code => reject(new Error(`ended with ${code} before it was ready: ${log()}`)))
  })
}
