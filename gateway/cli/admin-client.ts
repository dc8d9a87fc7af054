/**
 * How commands talk to a running gateway: they find its admin listener by the runtime file, or by `--admin`, and ask it.
 */
import { resolve } from 'node:path'
import { readStateDir } from '../config/load.ts'
import { shortenPath } from '../config/problem.ts'
import type { CliIo } from './io.ts'
import { readRuntimeFile } from './runtime-file.ts'

/** Longest wait for an answer: a purge of a large store takes its time. */
const ANSWER_MS = 60_000

export interface AdminArguments {
  /** Path of the configuration, relative to the working folder. */
  readonly config: string
  /** Address of the admin listener; undefined = that of the runtime file. */
  readonly admin: string | undefined
  readonly token: string | undefined
}

/** Where the gateway is. */
export interface AdminAddress {
  /** Without a slash at the end. */
  readonly url: string
  readonly token: string | null
  /** Who wrote down the address, for messages; null where it was given by hand. */
  readonly writer: { readonly path: string; readonly pid: number } | null
}

/** For answers that no admin listener gives. */
export const NOT_OURS = 'this is not the answer of an admin listener of Hearthgate'

/** Why the gateway could not be asked, in one line. */
export class AdminError extends Error {}

/** @throws AdminError */
export async function findAdmin({ config, admin, token }: AdminArguments, io: CliIo): Promise<AdminAddress> {
  const given = token ?? io.env['HEARTHGATE_TOKEN']
  if (admin !== undefined) return { url: readUrl(admin), token: given ?? null, writer: null }
  const file = resolve(io.cwd, config)
  const state = readStateDir(file, io.env)
  if (!state.ok)
    throw new AdminError(`${shortenPath(file, io.cwd)}: ${state.problem}; or name the gateway by --admin URL`)
  const runtime = await readRuntimeFile(state.stateDir)
  const path = shortenPath(runtime.path, io.cwd)
  if (runtime.ok) {
    const { facts } = runtime
    return { url: readUrl(facts.admin), token: token ?? facts.token ?? given ?? null, writer: { path, pid: facts.pid } }
  }
  if (runtime.reason === 'missing') throw new AdminError(`no gateway is running: there is no ${path}`)
  throw new AdminError(`${path} cannot be read; name the gateway by --admin URL`)
}

function readUrl(text: string): string {
  const isUrl = /^https?:\/\//i.test(text) && URL.canParse(text)
  if (!isUrl) throw new AdminError('write the admin address as --admin http://127.0.0.1:9900')
  return text.replace(/\/+$/, '')
}

/**
 * Asks for JSON; with a `body` it is a POST.
 * @throws AdminError
 */
export async function askAdmin(address: AdminAddress, path: string, body?: unknown): Promise<unknown> {
  const response = await request(address, path, body)
  const text = await response.text().catch(() => '')
  const answer = parseJson(text)
  if (response.ok && answer !== undefined) return answer
  throw new AdminError(`${address.url} refused (${response.status}): ${reasonIn(answer)}`)
}

async function request(address: AdminAddress, path: string, body: unknown): Promise<Response> {
  const headers: Record<string, string> = { 'x-hearthgate': '1' }
  if (address.token !== null) headers['authorization'] = `Bearer ${address.token}`
  if (body !== undefined) headers['content-type'] = 'application/json'
  try {
    return await fetch(address.url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers,
      // A token is for nobody else.
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  } catch (error) {
    throw new AdminError(explainFailure(address, error as Error), { cause: error })
  }
}

function explainFailure({ url, writer }: AdminAddress, error: Error): string {
  const { code, message } = (error.cause ?? error) as NodeJS.ErrnoException
  if (code !== 'ECONNREFUSED') return `${url} cannot be asked: ${message}`
  if (writer === null) return `nothing listens at ${url}`
  return `no gateway is running: nothing listens at ${url}, which process ${writer.pid} wrote into ${writer.path}`
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What the admin API says about a refusal. */
function reasonIn(answer: unknown): string {
  const { error } = (answer ?? {}) as { error?: unknown }
  return typeof error === 'string' ? error : NOT_OURS
}
