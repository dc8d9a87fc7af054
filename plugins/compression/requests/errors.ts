/**
 * Why a request is refused because of the coding of its body. These are the client's to mend, except the last two.
 */
import createError, { type FastifyError } from '@fastify/error'
import type { Coding } from '../rules/types.ts'

const failures = {
  unsupported: createError('HG_BODY_CODING', 'the request body has a coding that is not read here; %s are', 415),
  broken: createError('HG_BODY_BROKEN', 'the request body is not what its Content-Encoding says', 400),
  tooLarge: createError('HG_BODY_TOO_LARGE', 'the request body becomes larger than %s bytes once it is decoded', 413),
  bomb: createError('HG_BODY_BOMB', 'the request body becomes more than %s times as large once it is decoded', 413),
  busy: createError('HG_BODY_DECODERS_BUSY', 'as many request bodies are being decoded as may be at once', 503),
  withdrawn: createError(
    'HG_BODY_RECODED',
    'the app no longer takes what it was sent; the next try is sent plain',
    503,
  ),
} as const

export type BodyFailure = FastifyError & {
  readonly statusCode: number
  /** Fields of the answer. */
  readonly fields?: Readonly<Record<string, string>>
}

/** `accepted` in the order of preference. */
export function unsupportedCoding(accepted: readonly Coding[]): BodyFailure {
  const list = accepted.join(', ')
  return Object.assign(new failures.unsupported(list), {
    fields: { 'accept-encoding': list },
  }) as unknown as BodyFailure
}

export function brokenBody(cause: unknown): BodyFailure {
  return new failures.broken({ cause }) as unknown as BodyFailure
}

export function decodedTooLarge(limit: number): BodyFailure {
  return new failures.tooLarge(limit) as unknown as BodyFailure
}

export function bodyBomb(ratio: number): BodyFailure {
  return new failures.bomb(ratio) as unknown as BodyFailure
}

export function decodersBusy(): BodyFailure {
  return new failures.busy() as unknown as BodyFailure
}

export function codingWithdrawn(): BodyFailure {
  return new failures.withdrawn() as unknown as BodyFailure
}

const reasons: Readonly<Record<string, string>> = {
  HG_BODY_CODING: 'unsupported-coding',
  HG_BODY_BROKEN: 'broken',
  HG_BODY_TOO_LARGE: 'too-large',
  HG_BODY_BOMB: 'bomb',
  HG_BODY_DECODERS_BUSY: 'busy',
  HG_BODY_RECODED: 'refused',
}

/** The word for it in signals and notes. */
export function reasonOf(failure: Error): string {
  return reasons[String((failure as { code?: unknown }).code)] ?? 'failed'
}
