/**
 * Bytes on the wire, CPU time and first byte of encoded answers, with bodies of real apps: encoded anew at each request,
 * and, where there is a cache, asked again ten seconds after they were stored.
 *
 *   npm run bench:bodies [-- --rounds N] [--seconds S] [--body NAME]... [--with CONTENDER]... [--md FILE]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { pinned } from '../command.ts'
import { CONTENDERS, type Contender, type Launch } from '../contenders/index.ts'
import { writeFiles } from '../files.ts'
import { freePort, waitUntilListening } from '../http.ts'
import { chooseCores, describeMachine } from '../machine.ts'
import { readProcesses, sumTree } from '../proc-stat.ts'
import { type Session, withSession } from '../session.ts'
import { meanOfTwoLowest, median } from '../statistics.ts'
import type { Coding } from '../workloads.ts'
import { Asker } from './ask.ts'
import { type RealBody, realBodies } from './corpus.ts'
import { type BodiesOrigin, startBodiesOrigin } from './origin.ts'
import { type Figure, renderBodies } from './table.ts'

/** Between storing and asking again: what a cache does meanwhile is counted. */
const REST_MS = 10_000
const CODINGS: readonly Coding[] = ['gzip', 'br', 'zstd']
const decoders = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync } as const

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '1' },
    body: { type: 'string', multiple: true },
    with: { type: 'string', multiple: true },
    md: { type: 'string' },
  },
})

const report = (line: string) => void process.stderr.write(`${line}\n`)
const cores = chooseCores()

interface Standing {
  readonly contender: Contender
  readonly pid: number
  readonly asker: Asker
}

process.exitCode = await withSession(main)

async function main(session: Session): Promise<number> {
  const bodies = realBodies().filter(({ name }) => values.body?.includes(name) ?? true)
  const contenders = CONTENDERS.filter(({ name, coding, find }) => {
    return coding !== undefined && (values.with?.includes(name) ?? true) && find().available
  })
  const origin = await startBodiesOrigin(bodies)
  try {
    const once = await measureOnce(session, { contenders, bodies, origin })
    const again = await measureAgain(session, { contenders, bodies, origin })
    const machine = describeMachine('own loop', cores)
    const command = ['npm run bench:bodies --', ...process.argv.slice(2)].join(' ')
    const text = renderBodies({ once, ...again }, { machine, rounds: Number(values.rounds), command })
    process.stdout.write(text)
    if (values.md !== undefined) writeFileSync(values.md, text)
    return 0
  } finally {
    origin.close()
  }
}

interface Field {
  readonly contenders: readonly Contender[]
  readonly bodies: readonly RealBody[]
  readonly origin: BodiesOrigin
}

async function measureOnce(session: Session, { contenders, bodies, origin }: Field): Promise<Figure[]> {
  const standing: Standing[] = []
  for (const contender of contenders) {
    if (contender.coding?.launch === undefined) continue
    standing.push(await start(session, contender, { name: 'once', originPort: origin.port }))
  }
  const figures: Figure[] = []
  for (const body of bodies) {
    for (const coding of CODINGS) {
      const able = standing.filter(({ contender }) => contender.coding?.codings.includes(coding))
      figures.push(...(await rounds(able, body, { coding, path: `/once/${body.name}` })))
    }
  }
  await session.children.stopAll()
  return figures
}

/** All bodies are asked for once in each coding, then left alone, then measured. */
async function measureAgain(session: Session, { contenders, bodies, origin }: Field) {
  const standing: Standing[] = []
  const rest: { readonly contender: string; readonly cpuSeconds: number }[] = []
  for (const contender of contenders) {
    if (contender.coding?.launchCached === undefined) continue
    const one = await start(session, contender, { name: 'again', originPort: origin.port })
    for (const { name } of bodies)
      for (const coding of contender.coding.codings) await one.asker.ask(`/kept/${name}`, coding)
    const before = cpuSeconds(one)
    await delay(REST_MS)
    rest.push({ contender: contender.name, cpuSeconds: cpuSeconds(one) - before })
    standing.push(one)
  }
  const keptBefore = origin.keptRequests()
  const again: Figure[] = []
  for (const body of bodies) {
    for (const coding of CODINGS) {
      const able = standing.filter(({ contender }) => contender.coding?.codings.includes(coding))
      again.push(...(await rounds(able, body, { coding, path: `/kept/${body.name}` })))
    }
  }
  const originRequests = origin.keptRequests() - keptBefore
  await session.children.stopAll()
  return { again, rest, originRequests }
}

async function start(
  session: Session,
  contender: Contender,
  { name, originPort }: { readonly name: 'once' | 'again'; readonly originPort: number },
): Promise<Standing> {
  const directory = join(session.directory, `${name}-${contender.name}`)
  mkdirSync(directory)
  const port = await freePort()
  const setting = { directory, port, originPort, tls: null }
  const { coding } = contender
  const launch = (name === 'again' ? coding?.launchCached?.(setting) : coding?.launch?.(setting)) as Launch
  writeFiles(directory, launch.files)
  const child = await session.children.start(contender.name, pinned(launch.command, cores.contender))
  await waitUntilListening(child, port)
  return { contender, pid: child.pid, asker: new Asker(`http://127.0.0.1:${port}`) }
}

interface Wanted {
  readonly coding: Coding
  readonly path: string
}

interface Sample {
  readonly cpuMs: number
  readonly bytes: number
  readonly firstByteMs: number
}

/** Contenders in turn, round by round; the first answer of each is decoded and compared. */
async function rounds(standing: readonly Standing[], body: RealBody, wanted: Wanted): Promise<Figure[]> {
  const samples = new Map<Standing, Sample[]>()
  for (const one of standing) {
    await check(one, body, wanted)
    samples.set(one, [])
  }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const one of standing) samples.get(one)?.push(await sample(one, wanted))
  }
  return standing.map(one => {
    const own = samples.get(one) ?? []
    const figure = {
      body: body.name,
      coding: wanted.coding,
      contender: one.contender.name,
      cpuMs: meanOfTwoLowest(own.map(({ cpuMs }) => cpuMs)),
      bytes: median(own.map(({ bytes }) => bytes)),
      firstByteMs: median(own.map(({ firstByteMs }) => firstByteMs)),
    }
    report(`${wanted.path} ${wanted.coding} ${figure.contender}: ${figure.bytes} B, ${figure.cpuMs.toFixed(2)} ms`)
    return figure
  })
}

async function check({ contender, asker }: Standing, body: RealBody, { coding, path }: Wanted): Promise<void> {
  const { encoding, bytes } = await asker.ask(path, coding)
  if (encoding !== coding) throw new Error(`${contender.name} answered ${path} as ${encoding}, not as ${coding}`)
  if (!decoders[coding](bytes).equals(body.body)) throw new Error(`${contender.name} changed ${path} (${coding})`)
}

async function sample(one: Standing, { coding, path }: Wanted): Promise<Sample> {
  const before = cpuSeconds(one)
  const untilMs = performance.now() + Number(values.seconds) * 1000
  const answers: { readonly bytes: number; readonly firstByteMs: number }[] = []
  while (performance.now() < untilMs) {
    const { bytes, firstByteMs } = await one.asker.ask(path, coding)
    answers.push({ bytes: bytes.length, firstByteMs })
  }
  return {
    cpuMs: ((cpuSeconds(one) - before) * 1000) / answers.length,
    bytes: median(answers.map(({ bytes }) => bytes)),
    firstByteMs: median(answers.map(({ firstByteMs }) => firstByteMs)),
  }
}

function cpuSeconds({ pid }: Standing): number {
  return sumTree(readProcesses(), pid).cpuSeconds
}
