/**
 * One certificate by ACME (RFC 8555 §7.4), from the account to the chain. Waits follow the authority's Retry-After, have
 * an end, and stop when the gateway closes.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AcmeConfig } from '../config/types.ts'
import { type AcmeLibrary, type Conversation, converse } from './acme-http.ts'
import { type ProofSurroundings, showProof } from './challenges.ts'
import type { CertificateFolders } from './names.ts'
import { readIfThere, writePrivateFile } from './state-files.ts'

/** For an authority to make up its mind, twice an order. */
const PATIENCE_MS = 300_000
const FIRST_LOOK_MS = 500
const LAST_LOOK_MS = 10_000

type Client = InstanceType<AcmeLibrary['Client']>
type Order = Awaited<ReturnType<Client['createOrder']>>

/** Why there is no certificate, and when the authority wants to be asked again at the earliest. */
export class AcmeFailure extends Error {
  readonly retryAfterMs: number | null

  constructor(message: string, retryAfterMs: number | null, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AcmeFailure'
    this.retryAfterMs = retryAfterMs
  }
}

export interface OrderOptions {
  readonly config: AcmeConfig
  readonly folders: CertificateFolders
  readonly names: readonly string[]
  readonly signal: AbortSignal
  /** What the authority knows the certificate by whose place the new one takes (RFC 9773 §5); null = there is none. */
  readonly replaces: string | null
  /** Ms since 1970. */
  readonly nowMs: number
}

/** PEM text: certificate, chain, key. @throws AcmeFailure */
export async function orderCertificate(options: OrderOptions): Promise<string> {
  const { config, signal } = options
  let heard: Conversation | undefined
  try {
    const ca = config.ca === null ? null : await readFile(config.ca, 'utf8')
    return await converse({ ca, signal }, (acme, conversation) => {
      heard = conversation
      return talk(acme, conversation, options)
    })
  } catch (cause) {
    if (cause instanceof AcmeFailure) throw cause
    throw new AcmeFailure(reasonOf(cause), heard?.retryAfterMs ?? null, { cause })
  }
}

async function talk(acme: AcmeLibrary, conversation: Conversation, options: OrderOptions): Promise<string> {
  const { config, folders, names } = options
  const accountKey = await accountKeyOf(acme, folders)
  const binding = await bindingOf(config)
  const client = new acme.Client({ directoryUrl: config.directory, accountKey, ...binding })
  // With a key that is known this finds the account and brings its address up to date (§7.3.1).
  await client.createAccount({ termsOfServiceAgreed: config.agree, contact: [`mailto:${config.email}`] })
  const order = await placeOrder(client, options)
  await prove(acme, client, order, { ...options, conversation })
  const key = await acme.crypto.createPrivateEcdsaKey('P-256')
  const [, csr] = await acme.crypto.createCsr({ altNames: [...names] }, key)
  await client.finalizeOrder(order, csr)
  const done = await settled(client, order, 'valid', conversation)
  const chain = await client.getCertificate(done)
  return checked(`${chain.trim()}\n${key.toString()}`, names, options.nowMs)
}

/** RFC 8555 §7.3.4; the key is read each time, so that it may be replaced. */
async function bindingOf({ eab }: AcmeConfig) {
  if (eab === null) return {}
  const hmacKey = (await readFile(eab.hmacFile, 'utf8')).trim()
  if (!/^[\w+/-]{16,}={0,2}$/.test(hmacKey)) throw new TypeError('eab: hmac_file does not hold a key in base64url')
  return { externalAccountBinding: { kid: eab.keyId, hmacKey } }
}

/** An authority that knows better what was replaced, or has forgotten it, gets the order without a word of it (RFC 9773 §5). */
async function placeOrder(client: Client, { names, replaces, signal }: OrderOptions): Promise<Order> {
  const identifiers = names.map(value => ({ type: 'dns', value }))
  if (replaces === null) return client.createOrder({ identifiers })
  const withReplaces: Parameters<Client['createOrder']>[0] & { replaces: string } = { identifiers, replaces }
  return client.createOrder(withReplaces).catch(error => {
    if (signal.aborted) throw error
    return client.createOrder({ identifiers })
  })
}

async function accountKeyOf(acme: AcmeLibrary, { acme: folder }: CertificateFolders): Promise<string> {
  const file = join(folder, 'account.key')
  const known = await readIfThere(file)
  if (known !== null) return known
  const key = (await acme.crypto.createPrivateEcdsaKey('P-256')).toString()
  await writePrivateFile(file, key)
  return key
}

async function prove(
  acme: AcmeLibrary,
  client: Client,
  order: Order,
  around: ProofSurroundings & { readonly conversation: Conversation },
): Promise<void> {
  const takeBack: (() => Promise<unknown>)[] = []
  try {
    for (const authorization of await client.getAuthorizations(order)) {
      if (authorization.status === 'valid') continue
      const { challenge: type } = around.config
      const challenge = authorization.challenges.find(each => each.type === type)
      if (challenge === undefined)
        throw new TypeError(`the authority offers no ${type} for ${authorization.identifier.value}`)
      const answer = await client.getChallengeKeyAuthorization(challenge)
      takeBack.push(await showProof(acme, { authorization, challenge, answer }, around))
      await client.completeChallenge(challenge)
    }
    await settled(client, order, 'ready', around.conversation)
  } finally {
    await Promise.allSettled(takeBack.map(back => back()))
  }
}

/** Asks until the order is in this state (§7.1.6). @throws where it has become invalid, or after `PATIENCE_MS` */
async function settled(
  client: Client,
  order: Order,
  state: 'ready' | 'valid',
  conversation: Conversation,
): Promise<Order> {
  const deadline = performance.now() + PATIENCE_MS
  for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 2, LAST_LOOK_MS)) {
    const now = await client.getOrder(order)
    if (now.status === state || now.status === 'valid') return now
    if (now.status === 'invalid') throw new TypeError(await whyInvalid(client, now))
    const pause = Math.max(wait, conversation.retryAfterMs ?? 0)
    if (performance.now() + pause > deadline)
      throw new AcmeFailure(`the order is still ${now.status} after minutes`, conversation.retryAfterMs)
    await sleep(pause, undefined, { signal: conversation.signal })
  }
}

/** The authority says it of the challenge that failed (§8). */
async function whyInvalid(client: Client, order: Order): Promise<string> {
  const authorizations = await client.getAuthorizations(order)
  const errors = authorizations.flatMap(({ challenges }) => challenges.flatMap(detailOf))
  return errors[0] ?? 'the authority calls the order invalid'
}

function detailOf(challenge: object): string[] {
  const error = 'error' in challenge ? (challenge.error as { detail?: string } | undefined) : undefined
  return error?.detail === undefined ? [] : [error.detail]
}

/** What came has to be for our names, our key and our time before it takes the place of what works. */
function checked(pem: string, names: readonly string[], nowMs: number): string {
  const certificate = new X509Certificate(pem)
  if (!certificate.checkPrivateKey(createPrivateKey(pem)))
    throw new TypeError('the authority sent a certificate that is not for our key')
  // It would be ordered anew at each look.
  if (Date.parse(certificate.validTo) <= nowMs)
    throw new TypeError(`the authority sent a certificate that is over by the clock of this machine: is that right?`)
  const missing = names.find(name => certificate.checkHost(name.replace(/^\*/, 'x')) === undefined)
  if (missing !== undefined) throw new TypeError(`the authority sent a certificate that is not for ${missing}`)
  return `${pem.trim()}\n`
}

/** One line, bounded: it comes from another server and goes to the log. */
function reasonOf(error: unknown): string {
  const { message = String(error) } = error as Error
  return message.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 500)
}
