/** Starts one origin and the contenders of a workload, and lets nobody run who does not answer byte for byte. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { checkCache } from './cache-check.ts'
import { type Command, pinned } from './command.ts'
import { type Contender, launchFor, type TlsFiles } from './contenders/index.ts'
import { writeFiles } from './files.ts'
import { decodedBody, fetchBody, freePort, waitUntilServing } from './http.ts'
import { type Origin, startOrigin } from './origin.ts'
import type { Child, Children } from './processes.ts'
import { requestHeadersOf, type Workload } from './workloads.ts'

export interface Cores {
  /** Core of the contenders, and of load and origin; null = not pinned. */
  readonly contender: number | null
  readonly load: number | null
}

export interface Field {
  readonly workload: Workload
  readonly children: Children
  readonly cores: Cores
  /** A temporary folder, removed by the caller. */
  readonly directory: string
}

export interface Runner {
  readonly contender: Contender
  readonly child: Child
  /** `http://host:port`, or https */
  readonly base: string
}

/** Starts the workload's origin in its own folder and checks that it serves what the workload says. */
export async function startFieldOrigin(field: Field): Promise<Origin> {
  const { workload, children, cores } = field
  const directory = subfolder(field, 'origin')
  const origin = await startOrigin(workload, { children, directory, core: cores.load })
  await checkAnswer(workload, `http://127.0.0.1:${origin.port}`, null)
  return origin
}

/**
 * Starts a contender on its core and checks its answers, and where they come from. Throws where it does not start or
 * answers anything else.
 */
export async function startRunner(
  field: Field,
  contender: Contender,
  origin: Origin,
  change: (command: Command) => Command = command => command,
): Promise<Runner> {
  const { workload, children, cores } = field
  const directory = subfolder(field, contender.name)
  const port = await freePort()
  const tls = workload.streams === null ? null : certificateIn(directory)
  const { command, files } = launchFor(contender, workload, { directory, port, originPort: origin.port, tls })
  writeFiles(directory, files)
  const child = await children.start(contender.name, pinned(change(command), cores.contender))
  const base = `${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`
  try {
    await waitUntilServing(child, base + workload.path)
    await checkAnswer(workload, base, `http://127.0.0.1:${origin.port}`)
    if (workload.cache !== null) await checkCache(workload, base, origin)
  } catch (error) {
    await children.stop(child)
    throw error
  }
  return { contender, child, base }
}

/** Throws unless status, type and body are what the workload, and the origin asked directly, say. */
export async function checkAnswer(workload: Workload, base: string, originBase: string | null): Promise<void> {
  // The origin encodes nothing; a contender is asked as the load will ask.
  const headers = originBase === null || workload.coding === null ? {} : requestHeadersOf(workload)
  const ask = { method: workload.method, body: workload.requestBody }
  const answer = await fetchBody({ ...ask, headers, url: base + workload.path })
  const { status, contentType, contentEncoding = 'identity' } = answer
  if (status !== 200) throw new Error(`failed the check: status ${status}`)
  const expected = Object.keys(headers).length === 0 ? 'identity' : (workload.coding ?? 'identity')
  if (contentEncoding !== expected) throw new Error(`failed the check: ${contentEncoding}, not ${expected}`)
  const body = decodedBody(answer)
  if (!body.equals(workload.answerBody)) {
    throw new Error(`failed the check: ${body.length} bytes that are not the ${workload.answerBody.length} expected`)
  }
  if (originBase === null) return
  const direct = await fetchBody({ ...ask, url: originBase + workload.path })
  if (!direct.body.equals(body) || direct.contentType !== contentType) {
    throw new Error(`failed the check: content-type ${contentType}, the origin's is ${direct.contentType}`)
  }
}

/** Self-signed, made by openssl. */
function certificateIn(directory: string): TlsFiles {
  const files = { certificate: join(directory, 'certificate.pem'), key: join(directory, 'key.pem') }
  const kind = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=bench',
  ]
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', files.key, '-out', files.certificate], {
    stdio: 'ignore',
  })
  return files
}

function subfolder(field: Field, name: string): string {
  const directory = join(field.directory, `${field.workload.name}-${name}`)
  mkdirSync(directory, { recursive: true })
  return directory
}
