/**
 * `hearthgate explain`: what the gateway would do with one request, and why; nothing is sent.
 */
import { resolve } from 'node:path'
import { loadConfig } from '../config/load.ts'
import { withoutControls } from '../config/problem.ts'
import { formatDuration, formatRate, formatSize } from '../config/units.ts'
import {
  type AdmissionDecision,
  type BlockDecision,
  type CompressionDecision,
  type Decisions,
  ExplainError,
  type Explanation,
  explainRequest,
  type Limit,
  type Sent,
  type TunerKnowledge,
} from '../explain/index.ts'
import { compileServing, type Serving } from '../serving.ts'
import { EXIT_CONFIG, refuseConfig } from './check.ts'
import { cacheRows } from './explain-cache.ts'
import { knowledgeFrom, tunerRows } from './explain-tuner.ts'
import { formatTable, type Paint, painter } from './format.ts'
import type { CliIo } from './io.ts'

/** Exit code for a request that cannot be sent by anybody. */
const EXIT_FAILED = 1

export interface ExplainArguments {
  /** Path of the file, relative to the working folder. */
  readonly config: string
  readonly method: string
  readonly url: string
  /** Fields as `Name: value`. */
  readonly headers: readonly string[]
  readonly json: boolean
  readonly partial: boolean
}

/** Returns the exit code: 0, 78 where the configuration cannot be used, 1 for a request that cannot be understood. */
export function runExplain(args: ExplainArguments, io: CliIo): number {
  const explanation = explainFromFile(args, io)
  if (typeof explanation === 'number') return explanation
  const text = args.json ? `${JSON.stringify(explanation, null, 2)}\n` : formatExplanation(explanation, io.color)
  io.stdout.write(text)
  return 0
}

/** What the file says about a request; where it says nothing, the reason is printed and this is the exit code. */
export function explainFromFile(
  args: ExplainArguments,
  io: CliIo,
  running: TunerKnowledge | null = null,
): Explanation | number {
  const { config, method, url, headers, partial } = args
  const loaded = loadConfig(resolve(io.cwd, config), { env: io.env, partial })
  if (!loaded.ok) return refuseConfig(loaded.problems, io)
  let serving: Serving
  try {
    serving = compileServing(loaded.config, {})
  } catch (error) {
    io.stderr.write(`hearthgate: ${withoutControls((error as Error).message)}\n`)
    return EXIT_CONFIG
  }
  try {
    const tuner = running ?? knowledgeFrom(loaded.config.stateDir, Date.now())
    return explainRequest(serving, { method: method.toUpperCase(), url, headers: headers.map(readField) }, tuner)
  } catch (error) {
    if (!(error instanceof ExplainError)) throw error
    io.stderr.write(`hearthgate: ${withoutControls(error.message)}\n`)
    return EXIT_FAILED
  }
}

/** @throws ExplainError */
export function readField(text: string): readonly [string, string] {
  const colon = text.indexOf(':')
  if (colon <= 0) throw new ExplainError("write each header as -H 'Name: value'")
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]
}

/** The explanation for people; without control characters, so that no request can act on the terminal. */
export function formatExplanation(explanation: Explanation, color: boolean): string {
  const paint = painter(color)
  const { method, url, sent, decisions } = explanation
  const lines = [
    paint('bold', withoutControls(`${method} ${url}`)),
    ...outcomeLines(explanation, paint),
    ...routeLines(explanation, paint),
    ...(sent === null ? [] : sentLines(sent, paint)),
    ...(sent === null ? [] : headLines(sent, paint)),
    ...(decisions === null ? [] : decisionLines(decisions, paint)),
  ]
  return `${lines.join('\n')}\n`
}

function outcomeLines({ route, refusal, client, readings }: Explanation, paint: Paint): string[] {
  const believed = client.isPeerTrusted ? ', a trusted proxy' : ''
  const from = client.address === client.peer ? '' : `${client.address} through `
  const rows = [
    ['route', route === null ? 'none' : `${route.name} (${route.reason})`],
    ['client', `${from}${client.peer}${believed}, ${client.proto}`],
  ]
  if (readings.length > 1) rows.push(['path read as', readings.join('   ')])
  if (refusal === null) return indented(rows)
  const { status, code, message, detail } = refusal
  const answer = rows.push(['answer', `${status} ${code === null ? '' : `${code}: `}${message}`]) - 1
  if (detail !== null) rows.push(['because', detail])
  return indented(rows).map((line, i) => (i === answer ? paint('red', line) : line))
}

function routeLines({ considered }: Explanation, paint: Paint): string[] {
  if (considered.length === 0) return []
  const rows = considered.map(rule => [rule.route, rule.host, rule.path, rule.verdict])
  const [heading = '', ...lines] = indented([['ROUTE', 'HOST', 'PATH', 'VERDICT'], ...rows])
  return ['', paint('bold', heading), ...lines.map((line, i) => (considered[i]?.won ? paint('green', line) : line))]
}

function sentLines({ target, host, origins }: Sent, paint: Paint): string[] {
  const urls = origins.map(({ url, weight }) => (weight === 1 ? url : `${url} x${weight}`))
  const rows = [
    ['target', target],
    ['host', host],
    ['origin', urls.join(', ')],
  ]
  return ['', paint('bold', '  SENT TO THE ORIGIN'), ...indented(rows)]
}

function headLines({ request, answer }: Sent, paint: Paint): string[] {
  const added = indented(request.added.map(({ name, value, why }) => [`+ ${name}: ${value}`, why]))
  const removed = indented(request.removed.map(({ name, why }) => [`- ${name}`, why]))
  const kept = indented(request.kept.map(({ name, value }) => [`  ${name}: ${value}`]))
  const rules = [
    ...answer.set.map(({ name, value, why = 'headers.response.set of the route' }) => [`+ ${name}: ${value}`, why]),
    ...answer.fill.map(({ name, value }) => [`+ ${name}: ${value}`, 'security_headers, where the app sends none']),
    ...answer.remove.map(name => [`- ${name}`, 'headers.response.remove of the route']),
  ]
  return [
    ...['', paint('bold', '  REQUEST HEADERS'), ...kept],
    ...added.map(line => paint('green', line)),
    ...removed.map(line => paint('red', line)),
    ...(rules.length === 0 ? [] : ['', paint('bold', '  ANSWER HEADERS'), ...indented(rules)]),
  ]
}

function decisionLines(
  { pool, limits, retry, cache, compression, admission, batch, tuner, websocket }: Decisions,
  paint: Paint,
) {
  const protocol = pool.http2 ? 'HTTP/2 where an https origin offers it' : 'no HTTP/2 by ALPN'
  const reuse = pool.keepAlive ? 'kept and reused' : 'one for each request'
  const kept = `idle at most ${formatDuration(pool.maxIdleMs)}, closed after ${formatDuration(pool.ttlMs)}`
  const rows = [
    ['pool', `${pool.minSize} to ${pool.maxSize} connections an origin, ${reuse}, ${kept}`],
    ['', `${pool.balance}, client ${pool.client}, ${protocol}`],
    ...retry.resent.map((text, i) => [i === 0 ? 'sent again' : '', text]),
    ['retry', blockText(retry)],
    ...compressionRows(compression),
    ...admissionRows(admission),
    ['batch', batch.reason],
    ['websocket', websocket.reason],
  ]
  const budgets = limits.map(limit => [limit.name, amountText(limit), limit.meaning])
  return [
    ...['', paint('bold', '  LIMITS'), ...indented(budgets)],
    ...['', paint('bold', '  CACHE'), ...indented(cacheRows(cache))],
    ...['', paint('bold', '  DECISIONS'), ...indented(rows)],
    ...['', paint('bold', '  TUNER'), ...indented(tunerRows(tuner))],
  ]
}

function admissionRows({ limit, sharedWith, priority, urgency, queue }: AdmissionDecision): string[][] {
  const rows = [['admission', sharedWith.length === 0 ? limit : `${limit}, together with ${sharedWith.join(', ')}`]]
  if (queue !== null) rows.push(['', queue], ['', `${priority}, urgency ${urgency} of 0 to 7`])
  return rows
}

function blockText({ state, configured }: BlockDecision): string {
  return configured === false ? 'off' : `${state}; configured: ${JSON.stringify(configured)}`
}

function compressionRows({ state, text, expected, request }: CompressionDecision): string[][] {
  if (state === 'off') return [['compression', 'off']]
  const rows = expected.map(({ contentClass, level, bytes, ms }) => {
    const content = contentClass === 'default' ? 'fonts, wasm and the like' : contentClass
    return ['', `${content}: level ${level}, 100 KiB become about ${formatSize(bytes)} in ${ms} ms`]
  })
  return [['compression', text], ...rows, ...(request === null ? [] : [['request body', request.text]])]
}

function amountText({ value, unit }: Limit): string {
  if (value === null) return 'none'
  if (unit === 'requests') return String(value)
  if (unit === 'bytes/s') return formatRate(value)
  return unit === 'ms' ? formatDuration(value) : formatSize(value)
}

function indented(rows: readonly (readonly string[])[]): string[] {
  return formatTable(rows.map(row => row.map(withoutControls))).map(line => `  ${line}`)
}
