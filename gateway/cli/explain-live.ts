/**
 * `hearthgate explain --live` and `--id`: what really became of a request. The running gateway keeps why each of the last
 * ones went as it did; a live one is sent through its own door first.
 */
import http from 'node:http'
import https from 'node:https'
import type { Why } from '../admin/explain.ts'
import type { ShownRequest } from '../admin/requests.ts'
import { withoutControls } from '../config/problem.ts'
import { type AdminAddress, type AdminArguments, AdminError, askAdmin, findAdmin, NOT_OURS } from './admin-client.ts'
import { formatExplanation } from './explain.ts'
import { formatTable } from './format.ts'
import type { CliIo } from './io.ts'

/** Longest wait for the end of an answer; streams end with it. */
const ANSWER_MS = 30_000
/** An answer is told among the last requests a moment after its last byte. */
const LOOKS = 20
const LOOK_MS = 50
/** What changes nothing by its definition (RFC 9110 §9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

export interface LiveArguments extends AdminArguments {
  readonly method: string
  readonly url: string
  readonly headers: readonly string[]
  readonly json: boolean
}

export interface IdArguments extends AdminArguments {
  readonly id: string
  readonly json: boolean
}

/** Resolves to the exit code: 0, or 1 where it could not be asked or sent. */
export async function runExplainId({ id, json, ...admin }: IdArguments, io: CliIo): Promise<number> {
  return await telling(io, async () => tell(await askWhy(await findAdmin(admin, io), id), json, io))
}

/** Sends the request and tells what became of it. */
export async function runExplainLive({ method, url, headers, json, ...admin }: LiveArguments, io: CliIo) {
  return await telling(io, async () => {
    const verb = method.toUpperCase()
    if (!SAFE.has(verb)) throw new AdminError(`--live sends only GET, HEAD and OPTIONS; ${verb} may change something`)
    const address = await findAdmin(admin, io)
    const id = await send(verb, url, headers, await doorsOf(address))
    tell(await awaitWhy(address, id), json, io)
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
function send(method: string, url: string, headers: readonly string[], doors: readonly URL[]): Promise<string> {
  if (!URL.canParse(url)) throw new AdminError(`${url}: write a whole address, such as http://wiki.home.arpa/page`)
  const { protocol, hostname, host, pathname, search } = new URL(url)
  const door = doors.find(({ protocol: own }) => own === protocol)
  if (door === undefined) throw new AdminError(`the gateway has no listener for ${protocol}//`)
  const options = {
    method,
    host: door.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: door.port,
    path: pathname + search,
    headers: { host, ...Object.fromEntries(headers.map(readField)) },
    agent: false as const,
    timeout: ANSWER_MS,
    signal: AbortSignal.timeout(ANSWER_MS),
    // The certificate is for visitors to judge; this asks the gateway that the runtime file names.
    servername: hostname,
    rejectUnauthorized: false,
  }
  return new Promise((resolve, reject) => {
    const fail = ({ message }: Error) => reject(new AdminError(`${door.origin} did not answer: ${message}`))
    const sent = (protocol === 'https:' ? https : http).request(options, response => {
      const id = response.headers['x-request-id']
      if (typeof id !== 'string') return reject(new AdminError(NOT_OURS))
      response.on('close', () => resolve(id)).on('error', () => resolve(id))
      response.resume()
    })
    sent.on('error', fail).end()
  })
}

function readField(text: string): [string, string] {
  const colon = text.indexOf(':')
  if (colon <= 0) throw new AdminError("write each header as -H 'Name: value'")
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]
}

function tell({ request, explanation }: Why, json: boolean, io: CliIo): void {
  if (json) return void io.stdout.write(`${JSON.stringify({ request, explanation }, null, 2)}\n`)
  const expected = explanation === null ? '' : `${formatExplanation(explanation, io.color)}\n`
  io.stdout.write(`${expected}${happened(request)}\n`)
}

function happened(request: ShownRequest): string {
  const { id, at, status, outcome, verdict, route, attempts, cache, encoding, bytesRaw, bytesOut, notes } = request
  const ms = (value: number | null) => (value === null ? '-' : `${value.toFixed(1)} ms`)
  const rows = [
    ['request', `${id} at ${at}`],
    ['answer', `${status} (${verdict}, ${outcome})`],
    ['route', route ?? 'none'],
    ['time', `${ms(request.ms)} in all, first byte after ${ms(request.firstByteMs)}`],
    ['', `upstream ${ms(request.upstreamMs)}, queue ${ms(request.queueMs)}, encoding ${ms(request.encodeMs)}`],
    ['attempts', String(attempts)],
    ['cache', cache ?? 'no part in it'],
    ['encoding', encoding === null ? 'as it came' : `${encoding}: ${bytesRaw ?? '?'} bytes became ${bytesOut ?? '?'}`],
    ...notes.map(({ topic, reason, numbers }) => [topic, `${reason}${numbersText(numbers)}`]),
  ]
  return ['  WHAT HAPPENED', ...formatTable(rows.map(row => row.map(withoutControls))).map(line => `  ${line}`)].join(
    '\n',
  )
}

function numbersText(numbers: object | undefined): string {
  const pairs = Object.entries(numbers ?? {}).map(([name, value]) => `${name} ${value}`)
  return pairs.length === 0 ? '' : ` (${pairs.join(', ')})`
}
