/**
 * `hearthgate explain --live` and `--id`: what really became of a request. The running gateway keeps why each of the last
 * ones went as it did; a live one is sent through its own door first.
 */
import http from 'node:http'
import https from 'node:https'
import type { TunerStatus } from '../../plugins/tuner/index.ts'
import type { Why } from '../admin/explain.ts'
import type { ShownRequest } from '../admin/requests.ts'
import { withoutControls } from '../config/problem.ts'
import type { TunerKnowledge } from '../explain/index.ts'
import { type AdminAddress, type AdminArguments, AdminError, askAdmin, findAdmin, NOT_OURS } from './admin-client.ts'
import { type ExplainArguments, explainFromFile, formatExplanation, readField } from './explain.ts'
import { formatTable } from './format.ts'
import type { CliIo } from './io.ts'

/** Longest wait for the end of an answer; streams end with it. */
const ANSWER_MS = 30_000
/** An answer is told among the last requests a moment after its last byte. */
const LOOKS = 20
const LOOK_MS = 50
/** What changes nothing by its definition (RFC 9110 §9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

type Field = readonly [name: string, value: string]

export type LiveArguments = ExplainArguments & AdminArguments

export interface IdArguments extends AdminArguments {
  readonly id: string
  readonly json: boolean
}

/** Resolves to the exit code: 0, or 1 where it could not be asked or sent. */
export async function runExplainId({ id, json, ...admin }: IdArguments, io: CliIo): Promise<number> {
  return await telling(io, async () => tell(await askWhy(await findAdmin(admin, io), id), json, io))
}

/** Tells what the configuration says, sends the request, and tells what became of it. */
export async function runExplainLive(args: LiveArguments, io: CliIo): Promise<number> {
  const { url, headers, json } = args
  const method = args.method.toUpperCase()
  if (!SAFE.has(method)) {
    io.stderr.write(`hearthgate: --live sends only GET, HEAD and OPTIONS; ${method} may change something\n`)
    return 1
  }
  const explanation = explainFromFile(args, io)
  if (typeof explanation === 'number') return explanation
  return await telling(io, async () => {
    const fields = headers.map(readField)
    // The address is what was explained: another host would be another route.
    if (fields.some(([name]) => name.toLowerCase() === 'host'))
      throw new AdminError('the host stands in the address: leave -H Host out')
    if (!URL.canParse(url)) throw new AdminError(`${url}: write a whole address, such as http://wiki.home.arpa/page`)
    const address = await findAdmin(args, io)
    const told = explainFromFile(args, io, await askTuner(address))
    const id = await send(method, new URL(url), fields, await doorsOf(address))
    const { request } = await awaitWhy(address, id)
    tell({ request, explanation: typeof told === 'number' ? explanation : told }, json, io)
  })
}

async function telling(io: CliIo, act: () => Promise<void>): Promise<number> {
  try {
    await act()
    return 0
  } catch (error) {
    if (!(error instanceof AdminError)) throw error
    io.stderr.write(`hearthgate: ${withoutControls(error.message)}\n`)
    return 1
  }
}

async function askWhy(address: AdminAddress, id: string): Promise<Why> {
  const why = (await askAdmin(address, `/api/explain?id=${encodeURIComponent(id)}`)) as Why
  if (why.request === undefined) throw new AdminError(NOT_OURS)
  return why
}

async function askTuner(address: AdminAddress): Promise<TunerKnowledge> {
  const { knobs, log } = (await askAdmin(address, '/api/tuner')) as Partial<TunerStatus>
  if (!Array.isArray(knobs) || !Array.isArray(log)) throw new AdminError(NOT_OURS)
  return { source: 'running', at: null, knobs, log }
}

async function awaitWhy(address: AdminAddress, id: string): Promise<Why> {
  for (let look = 1; look < LOOKS; look++) {
    try {
      return await askWhy(address, id)
    } catch {
      await new Promise(resolve => setTimeout(resolve, LOOK_MS))
    }
  }
  return await askWhy(address, id)
}

/** Addresses of the listeners. */
async function doorsOf(address: AdminAddress): Promise<readonly URL[]> {
  const { listen } = (await askAdmin(address, '/api/stats')) as { listen?: readonly string[] }
  if (!Array.isArray(listen) || listen.length === 0) throw new AdminError(NOT_OURS)
  return listen.map(text => new URL(text))
}

/** Resolves to the id that the gateway gave the request, when the answer has ended. */
function send(method: string, url: URL, fields: readonly Field[], doors: readonly URL[]): Promise<string> {
  const { protocol, hostname, host, pathname, search } = url
  const door = doors.find(({ protocol: own }) => own === protocol)
  if (door === undefined) throw new AdminError(`the gateway has no listener for ${protocol}//`)
  const options = {
    method,
    host: door.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: door.port,
    path: pathname + search,
    headers: ['Host', host, ...fields.flat()],
    agent: false as const,
    timeout: ANSWER_MS,
    signal: AbortSignal.timeout(ANSWER_MS),
    // The certificate is for visitors to judge; this asks the gateway that the runtime file names.
    servername: hostname,
    rejectUnauthorized: false,
  }
  return new Promise((resolve, reject) => {
    const fail = ({ message }: Error) => reject(new AdminError(`${door.origin} did not answer: ${message}`))
    const sent = (protocol === 'https:' ? https : http).request(options)
    sent.on('error', fail).on('response', response => {
      const id = response.headers['x-request-id']
      if (typeof id !== 'string') return reject(new AdminError(NOT_OURS))
      response.on('close', () => resolve(id)).on('error', () => resolve(id))
      response.resume()
    })
    sent.end()
  })
}

function tell({ request, explanation }: Why, json: boolean, io: CliIo): void {
  if (json) return void io.stdout.write(`${JSON.stringify({ request, explanation }, null, 2)}\n`)
  const expected = explanation === null ? '' : `${formatExplanation(explanation, io.color)}\n`
  io.stdout.write(`${expected}${happened(request)}\n`)
}

function happened(request: ShownRequest): string {
  const { id, at, status, outcome, verdict, route, attempts, cache, notes } = request
  const ms = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)} ms`)
  const rows = [
    ['request', `${id} at ${at}`],
    ['answer', `${status} (${verdict}, ${outcome})`],
    ['route', route ?? 'none'],
    ['time', `${ms(request.ms)} in all, first byte after ${ms(request.firstByteMs)}`],
    ['', `upstream ${ms(request.upstreamMs)}, queue ${ms(request.queueMs)}, encoding ${ms(request.encodeMs)}`],
    ['attempts', String(attempts)],
    ['cache', cache ?? 'no part in it'],
    ['encoding', encodingText(request)],
    ...notes.map(({ topic, reason, numbers }) => [topic, `${reason}${numbersText(numbers)}`]),
  ]
  return ['  WHAT HAPPENED', ...formatTable(rows.map(row => row.map(withoutControls))).map(line => `  ${line}`)].join(
    '\n',
  )
}

/** A body that came encoded, from the app or the store, has nothing it was made of. */
function encodingText({ encoding, bytesRaw, bytesOut }: ShownRequest): string {
  if (encoding === null) return 'as it came'
  return bytesRaw === bytesOut
    ? `${encoding}: ${bytesOut ?? '?'} bytes`
    : `${encoding}: ${bytesRaw ?? '?'} bytes became ${bytesOut ?? '?'}`
}

function numbersText(numbers: object | undefined): string {
  const pairs = Object.entries(numbers ?? {}).map(([name, value]) => `${name} ${value}`)
  return pairs.length === 0 ? '' : ` (${pairs.join(', ')})`
}
