/**
 * The command line: which command, its options, its help. Each command is a file of its own and returns its exit code;
 * only the one that is asked for is loaded.
 */
import { parseArgs } from 'node:util'
import type { CliIo } from './io.ts'
import { ownVersion } from './version.ts'

/** Exit code for a command line that cannot be understood (EX_USAGE). */
const EXIT_USAGE = 64

const help = `hearthgate: one gateway in front of the apps of a home

  hearthgate start   [--config FILE] [--partial]     run the gateway
  hearthgate check   [--config FILE] [--partial]     check the configuration, say all that is wrong at once
  hearthgate routes  [--config FILE] [--json]        print the routing table
  hearthgate explain METHOD URL [-H 'K: V'] [--live] [--config FILE] [--json]
                                                     say what would happen to a request, and why; --live sends it
                                                     and adds what really happened
  hearthgate explain --id ID [--json]                what happened to one of the last requests (its X-Request-Id)
  hearthgate explain --preset NAME [--json]          print a preset: its settings, what it holds to, and the sources
  hearthgate purge   [--url U] [--prefix P] [--route R] [--tag T] [--all]
                                                     let the running gateway forget stored answers
  hearthgate stats   [--json]                        what the running gateway does, and what its cache holds
  hearthgate report  [--since 24h] [--json|--html]   what the last hours brought: slow, failed, saved, prevented
  hearthgate doctor  [ROUTE] [--json]                ask the apps, directly and through the running gateway, what is wrong
                                                     with their set-up, and print the line that cures it
  hearthgate tune    status | history | freeze [off] | apply [ROUTE [KNOB]] | rollback | reset | pin ROUTE KNOB [VALUE]
                     | unpin ROUTE KNOB | mode ROUTE MODE [KNOB] | record [SECONDS] | replay FILE   [--json]
                                                     what the tuner did and would do, and what it is told
  hearthgate import  nginx-proxy-manager|caddyfile|traefik-labels|swag FILE
                                                     print a configuration made of another proxy's
  hearthgate trust   [--json]                        where the local CA is, and how phones and computers come to trust it
  hearthgate password [--algorithm scrypt|argon2id]  read a password, print its hash for access.basic.users
  hearthgate help | version

  -c, --config FILE
                  configuration, default ./gateway.yaml
  --partial       serve the sound routes although others have mistakes; those answer 503
  --url, --prefix, --route, --tag
                  what to purge; each may stand several times. Addresses are whole: https://wiki.home.arpa/page
  --admin URL     the running gateway, for purge, stats, report, doctor, tune and explain --live; without it found by the configuration's state_dir
  --token TOKEN   its token; better in the environment, as HEARTHGATE_TOKEN

Exit codes: 0 fine, 1 failed, 64 wrong command line, 78 bad configuration or too old a Node.
`

/** As the help names them. */
const commands = [...Array.from(help.matchAll(/^ {2}hearthgate (\w+)/gm), ([, name]) => name as string), 'version']

/** Commands that are asked by options alone; the others tell by themselves what they take. */
const wordless = new Set(['start', 'check', 'routes', 'stats', 'report', 'trust', 'password'])

const options = {
  config: { type: 'string', short: 'c', default: 'gateway.yaml' },
  partial: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  html: { type: 'boolean', default: false },
  since: { type: 'string', default: '24h' },
  live: { type: 'boolean', default: false },
  id: { type: 'string' },
  preset: { type: 'string' },
  url: { type: 'string', multiple: true, default: [] as string[] },
  prefix: { type: 'string', multiple: true, default: [] as string[] },
  route: { type: 'string', multiple: true, default: [] as string[] },
  tag: { type: 'string', multiple: true, default: [] as string[] },
  all: { type: 'boolean', default: false },
  admin: { type: 'string' },
  token: { type: 'string' },
  algorithm: { type: 'string', default: 'scrypt' },
  header: { type: 'string', short: 'H', multiple: true, default: [] as string[] },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', short: 'v', default: false },
} as const

/** Runs the command of `argv` (without node and script); resolves to the exit code. */
export async function run(argv: string[], io: CliIo = processIo()): Promise<number> {
  const parsed = parse(argv)
  if (parsed instanceof Error) return usage(io, await optionProblem(parsed))
  const { values, positionals } = parsed
  const [command = 'help', ...rest] = positionals
  if (values.version) return print(io, `${ownVersion()}\n`)
  if (values.help || command === 'help') return print(io, help)
  const { config, partial, json } = values
  const stray = strayWord(command, rest)
  if (stray !== null) return usage(io, stray)
  switch (command) {
    case 'start':
      return (await import('./start.ts')).runStart({ config, partial }, io)
    case 'check':
      return (await import('./check.ts')).runCheck({ config, partial }, io)
    case 'routes':
      return (await import('./routes.ts')).runRoutes({ config, partial, json }, io)
    case 'explain':
      return explain(rest, values, io)
    case 'purge':
      return purge(rest, values, io)
    case 'stats':
      return (await import('./stats.ts')).runStats({ config, json, admin: values.admin, token: values.token }, io)
    case 'report':
      return report(values, io)
    case 'doctor':
      return doctor(rest, values, io)
    case 'tune':
      return tune(rest, values, io)
    case 'import':
      if (rest.length !== 2) return usage(io, 'write: hearthgate import caddyfile FILE')
      return (await import('./import.ts')).runImport({ kind: rest[0] as string, file: rest[1] as string }, io)
    case 'trust':
      return (await import('./trust.ts')).runTrust({ config, json }, io)
    case 'password':
      return (await import('./password.ts')).runPassword({ stdin: process.stdin, algorithm: values.algorithm }, io)
    case 'version':
      return print(io, `${ownVersion()}\n`)
    default:
      return usage(io, `there is no command "${command}"${await meant(command)}`)
  }
}

/** A file that is named without its option would else be passed over, and the one in the folder taken for it. */
function strayWord(command: string, [word]: readonly string[]): string | null {
  if (word === undefined || !wordless.has(command)) return null
  const isOfFile = command !== 'report' && command !== 'password'
  return `${command} takes no words by themselves${isOfFile ? `: write --config ${word}` : ''}`
}

function parse(argv: string[]) {
  try {
    return parseArgs({ args: argv, options, allowPositionals: true, strict: true })
  } catch (error) {
    return error as Error
  }
}

/** In our words where an option is unknown; Node's own go on about words that start with a dash. */
async function optionProblem({ message }: Error): Promise<string> {
  const option = /^Unknown option '([^']+)'/.exec(message)?.[1]
  return option === undefined ? message : `there is no option "${option}"${await meant(option)}`
}

type Values = Extract<ReturnType<typeof parse>, { values: unknown }>['values']

async function explain([method, url, ...more]: string[], values: Values, io: CliIo): Promise<number> {
  const { config, partial, json, header: headers, admin, token, id } = values
  if (id !== undefined) {
    const { runExplainId } = await import('./explain-live.ts')
    return runExplainId({ config, admin, token, id, json }, io)
  }
  if (values.preset !== undefined) {
    const { runExplainPreset } = await import('./explain-preset.ts')
    return runExplainPreset({ name: values.preset, json: values.json }, io)
  }
  if (method === undefined || url === undefined || more.length > 0) {
    return usage(io, 'write: hearthgate explain GET http://host/path')
  }
  if (values.live) {
    const { runExplainLive } = await import('./explain-live.ts')
    return runExplainLive({ config, admin, token, method, url, headers, json, partial }, io)
  }
  const { runExplain } = await import('./explain.ts')
  return runExplain({ config, method, url, headers, json, partial }, io)
}

async function purge(rest: string[], values: Values, io: CliIo): Promise<number> {
  const { config, admin, token, url, prefix, route, tag, all } = values
  const args = { config, admin, token, url, prefix, route, tag, all }
  if (rest.length > 0) return usage(io, `purge takes no words by themselves: write --url ${rest[0]}`)
  const { listPurges, runPurge } = await import('./purge.ts')
  if (listPurges(args).length === 0) return usage(io, 'say what to purge: --url, --prefix, --route, --tag or --all')
  return runPurge(args, io)
}

async function report({ config, admin, token, since, json, html }: Values, io: CliIo): Promise<number> {
  if (json && html) return usage(io, 'write --json or --html, not both')
  const { runReport } = await import('./report.ts')
  return runReport({ config, admin, token, since, form: html ? 'html' : json ? 'json' : 'text' }, io)
}

async function doctor([route, ...rest]: string[], { config, admin, token, json }: Values, io: CliIo): Promise<number> {
  if (rest.length > 0) return usage(io, 'write: hearthgate doctor [ROUTE]')
  const { runDoctor } = await import('./doctor.ts')
  return runDoctor({ config, admin, token, route, json }, io)
}

async function tune(words: string[], { config, admin, token, json }: Values, io: CliIo): Promise<number> {
  const { isTuneCommand, runTune, TUNE_USAGE } = await import('./tune.ts')
  if (!isTuneCommand(words)) return usage(io, `write ${TUNE_USAGE}`)
  return runTune({ config, admin, token, json, words }, io)
}

function print(io: CliIo, text: string): number {
  io.stdout.write(text)
  return 0
}

/** What somebody meant by a command or an option that there is not. */
async function meant(word: string): Promise<string> {
  const { nearest } = await import('../config/suggest.ts')
  const near = word.startsWith('-')
    ? nearest(
        word,
        Object.keys(options).map(name => `--${name}`),
      )
    : nearest(word, commands)
  return near === undefined ? '' : `, did you mean "${near}"`
}

/** The message alone: below it the whole help would push it off the screen. */
function usage(io: CliIo, message: string): number {
  io.stderr.write(`hearthgate: ${message}\n"hearthgate help" lists all commands and options.\n`)
  return EXIT_USAGE
}

function processIo(): CliIo {
  const color = process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === ''
  return { stdout: process.stdout, stderr: process.stderr, cwd: process.cwd(), env: process.env, color }
}
