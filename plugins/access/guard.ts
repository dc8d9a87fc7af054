/**
 * Whether a request may come in, and as whom. What restricts holds for any reading of a path, what opens for all of them;
 * whatever the client says about itself is taken off before anybody else's word is put on.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { compilePaths, type PathSet } from '../contract/index.ts'
import type { AttemptCounter } from './attempts.ts'
import { type CredentialBook, readBasic } from './credentials.ts'
import type { Fields, ForwardAuthClient } from './forward-auth.ts'
import { compileNetworks, type Networks, senderOf } from './networks.ts'
import type { AccessOptions } from './options.ts'
import { compileUsers, type Users } from './users.ts'

export interface AccessQuestion {
  readonly method: string
  /** Path as rules mean it, without the query. */
  readonly path: string
  readonly query: string
  /** Public path and query for a server that decides by them: dot segments resolved, like what the app gets. */
  readonly uri: string
  /** Of the client, as far as it can be trusted. */
  readonly address: string
  readonly proto: 'http' | 'https'
  readonly host: string
  readonly headers: IncomingHttpHeaders
}

export type AccessReason =
  | 'open'
  | 'bypass'
  | 'password'
  | 'forward'
  | 'address-denied'
  | 'address-not-allowed'
  | 'too-many-logins'
  | 'password-missing'
  | 'password-wrong'
  | 'password-busy'
  | 'forward-refused'
  | 'forward-failed'

export type AccessDecision =
  | {
      readonly pass: true
      readonly reason: AccessReason
      /** Fields for the app. */
      readonly set: Readonly<Record<string, string>>
      /** Fields of the client that the app must not see. */
      readonly remove: readonly string[]
    }
  | {
      readonly pass: false
      readonly reason: AccessReason
      readonly status: number
      readonly headers: Fields
      /** Null = the caller has a page of its own. */
      readonly body: Buffer | null
    }

/** The rules of one route, ready for requests. */
export interface AccessGuard {
  readonly options: AccessOptions
  readonly rules: readonly AddressRule[]
  readonly bypass: PathSet
  readonly logins: PathSet
  /** Null where no password is asked. */
  readonly users: Users | null
  /** What is taken off every request of the route. */
  readonly remove: readonly string[]
}

interface AddressRule {
  readonly allow: Networks
  readonly deny: Networks
  /** Null = every path. */
  readonly paths: PathSet | null
}

/** What lasts longer than a request. */
export interface AccessState {
  readonly attempts: AttemptCounter
  readonly book: CredentialBook
  readonly forward: ForwardAuthClient
  /** The other server gave no answer that says anything: nobody comes in until it does. */
  onForwardFailed(url: string, cause: unknown): void
}

/** Null where nobody is kept out. @throws TypeError for a list, a path or a hash that cannot be read. */
export function compileGuard(options: AccessOptions): AccessGuard | null {
  const { allow, deny, paths, bypass, basic, forward, logins } = options
  const isOpen = [allow, deny, paths, logins.paths].every(list => list.length === 0)
  if (isOpen && basic === null && forward === null) return null
  const single = paths.map(({ path, ...lists }) => ({ ...rule(lists), paths: compilePaths([path]) }))
  const ownFields = [...(forward?.fields ?? []), ...(basic === null ? [] : ['Authorization'])]
  return {
    options,
    rules: [{ ...rule({ allow, deny }), paths: null }, ...single],
    bypass: compilePaths(bypass),
    logins: compilePaths(logins.paths),
    users: basic === null ? null : compileUsers(basic.users),
    remove: [...ownFields, ...(basic?.userField == null ? [] : [basic.userField])],
  }
}

function rule({ allow, deny }: { readonly allow: readonly string[]; readonly deny: readonly string[] }) {
  return { allow: compileNetworks(allow), deny: compileNetworks(deny) }
}

/** At once, where no password and no other server has to be asked. */
export function decideAccess(
  guard: AccessGuard,
  question: AccessQuestion,
  state: AccessState,
): AccessDecision | Promise<AccessDecision> {
  const refusal = refuseAddress(guard, question)
  if (refusal !== null) return refusal
  if (!isLogin(guard, question)) return decideUncounted(guard, question, state)
  const waitMs = state.attempts.take(senderOf(question.address), guard.options.logins, performance.now())
  const decide = (wait: number) => tooMany(wait) ?? decideUncounted(guard, question, state)
  return typeof waitMs === 'number' ? decide(waitMs) : waitMs.then(decide)
}

function decideUncounted(
  guard: AccessGuard,
  question: AccessQuestion,
  state: AccessState,
): AccessDecision | Promise<AccessDecision> {
  const { basic, forward } = guard.options
  if (basic === null && forward === null) return passed('open', guard)
  if (guard.bypass.coversAll(question.path, question.query)) {
    // The app's own credentials are for the app where no password is asked here.
    return passed('bypass', guard, {}, ['Authorization'])
  }
  return decideLogin(guard, question, state)
}

/** The refusal by address alone, for who only wants to know; null where none is. */
export function refuseAddress(
  { rules }: AccessGuard,
  { address, path, query }: Pick<AccessQuestion, 'address' | 'path' | 'query'>,
): AccessDecision | null {
  for (const { allow, deny, paths } of rules) {
    if (paths !== null && !paths.coversAny(path, query)) continue
    if (deny.has(address)) return refused('address-denied', 403)
    if (!allow.isEmpty && !allow.has(address)) return refused('address-not-allowed', 403)
  }
  return null
}

function isLogin({ logins }: AccessGuard, { method, path, query }: AccessQuestion): boolean {
  return method !== 'GET' && method !== 'HEAD' && logins.coversAny(path, query)
}

function tooMany(waitMs: number): AccessDecision | null {
  return waitMs === 0 ? null : refused('too-many-logins', 429, { 'retry-after': String(Math.ceil(waitMs / 1000)) })
}

async function decideLogin(guard: AccessGuard, question: AccessQuestion, state: AccessState): Promise<AccessDecision> {
  const { basic, forward } = guard.options
  const signed = basic === null ? null : await decideBasic(guard, question, state)
  if (signed !== null && (!signed.pass || forward === null)) return signed
  if (forward === null) return passed('open', guard)
  const answer = await state.forward.ask(forward, question)
  if (answer.kind === 'failed') {
    state.onForwardFailed(forward.url, answer.cause)
    return refused('forward-failed', 503, { 'retry-after': '5' })
  }
  if (answer.kind === 'answer') return { pass: false, reason: 'forward-refused', ...answer }
  return passed('forward', guard, { ...(signed?.pass === true ? signed.set : {}), ...answer.set })
}

async function decideBasic(guard: AccessGuard, question: AccessQuestion, state: AccessState): Promise<AccessDecision> {
  const { basic, logins } = guard.options
  const ask = (reason: AccessReason) => refused(reason, 401, { 'www-authenticate': challenge(basic?.realm ?? '') })
  const credentials = readBasic(question.headers.authorization)
  const user = credentials === null ? undefined : guard.users?.find(credentials.user)
  if (credentials === null || user === undefined) return ask('password-missing')
  const nowMs = performance.now()
  const set = basic?.userField == null ? {} : { [basic.userField]: credentials.user }
  if (state.book.remembers(credentials, user, nowMs)) return passed('password', guard, set)
  const sender = senderOf(question.address)
  // Counted before the check, so that many at once are not all let through to it.
  const limited = tooMany(await state.attempts.take(sender, logins, nowMs))
  if (limited !== null) return limited
  const verdict = await state.book.verify(credentials, user, nowMs)
  if (verdict === 'wrong') return ask('password-wrong')
  state.attempts.forgive(sender)
  if (verdict === 'busy') return refused('password-busy', 503, { 'retry-after': '2' })
  return passed('password', guard, set)
}

/** RFC 7617 §2.1: names are sent in UTF-8. */
function challenge(realm: string): string {
  return `Basic realm="${realm.replaceAll(/["\\]/g, '')}", charset="UTF-8"`
}

function passed(
  reason: AccessReason,
  { remove }: AccessGuard,
  set: Readonly<Record<string, string>> = {},
  kept: readonly string[] = [],
): AccessDecision {
  return { pass: true, reason, set, remove: kept.length === 0 ? remove : remove.filter(name => !kept.includes(name)) }
}

function refused(reason: AccessReason, status: number, headers: Fields = {}): AccessDecision {
  return { pass: false, reason, status, headers: { 'cache-control': 'no-store', ...headers }, body: null }
}
