/**
 * Proofs that a name is ours (RFC 8555 §8, RFC 8737): files that every process of the gateway answers from, or a record
 * that a command of the user's sets.
 */
import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { AcmeConfig } from '../config/types.ts'
import type { AcmeLibrary } from './acme-http.ts'
import { type CertificateFolders, fileNameOf } from './names.ts'
import { writePrivateFile } from './state-files.ts'

export const CHALLENGE_PATH = '/.well-known/acme-challenge/'

const HOOK_MS = 300_000
/** Taking back happens when a gateway ends, too, which must not wait for long. */
const CLEANUP_MS = 30_000
/** RFC 8555 §8.3: base64url. Nothing else ever becomes the name of a file. */
const TOKEN = /^[A-Za-z0-9_-]{16,256}$/
const run = promisify(execFile)

type Authorization = Awaited<ReturnType<InstanceType<AcmeLibrary['Client']>['getAuthorizations']>>[number]
type Challenge = Authorization['challenges'][number]

export interface Proof {
  readonly authorization: Authorization
  readonly challenge: Challenge
  /** What has to be shown: for dns-01 the digest, else the key authorization itself. */
  readonly answer: string
}

export interface ProofSurroundings {
  readonly config: AcmeConfig
  readonly folders: CertificateFolders
  readonly signal: AbortSignal
}

/** Shows the proof; gives what takes it back. @throws where the command fails or a file cannot be written */
export async function showProof(
  acme: AcmeLibrary,
  proof: Proof,
  around: ProofSurroundings,
): Promise<() => Promise<unknown>> {
  const { challenge, authorization, answer } = proof
  const { folders } = around
  if (challenge.type === 'dns-01') return showRecord(proof, around)
  if (challenge.type === 'http-01') {
    if (!TOKEN.test(challenge.token)) throw new TypeError('the authority sent a token that is none')
    return showFile(join(folders.httpChallenges, challenge.token), answer)
  }
  const [key, certificate] = await acme.crypto.createAlpnCertificate(authorization, answer)
  const file = join(folders.alpnChallenges, fileNameOf(authorization.identifier.value))
  return showFile(file, `${certificate.toString().trim()}\n${key.toString()}`)
}

async function showFile(file: string, text: string): Promise<() => Promise<unknown>> {
  await writePrivateFile(file, text)
  return () => rm(file, { force: true })
}

async function showRecord({ authorization, answer }: Proof, { config, signal }: ProofSurroundings) {
  const [command = '', ...words] = config.dnsHook
  const record = `_acme-challenge.${authorization.identifier.value}`
  const call = async (action: 'present' | 'cleanup') => {
    try {
      const limits = action === 'present' ? { timeout: HOOK_MS, signal } : { timeout: CLEANUP_MS }
      await run(command, [...words, action, record, answer], { ...limits, maxBuffer: 65_536 })
    } catch (cause) {
      const { stderr = '', message } = cause as Error & { stderr?: string }
      throw new Error(`dns_hook ${action} failed: ${stderr.trim().slice(-300) || message}`, { cause })
    }
  }
  try {
    await call('present')
    if (config.dnsWaitMs > 0) await sleep(config.dnsWaitMs, undefined, { signal })
  } catch (error) {
    // One that was cut or failed late may have set it already.
    await call('cleanup').catch(() => {})
    throw error
  }
  return () => call('cleanup')
}

/** Takes away what a gateway that was killed has left. */
export async function clearProofs({ httpChallenges, alpnChallenges }: CertificateFolders): Promise<void> {
  for (const folder of [httpChallenges, alpnChallenges]) await rm(folder, { recursive: true, force: true })
}

/** What HTTP-01 asks for at this target; null where it is no challenge of ours (an app may have its own). */
export async function httpAnswer(folder: string, target: string): Promise<string | null> {
  const token = target.slice(CHALLENGE_PATH.length)
  if (!target.startsWith(CHALLENGE_PATH) || !TOKEN.test(token)) return null
  try {
    return await readFile(join(folder, token), 'utf8')
  } catch {
    return null
  }
}
