/**
 * The weak entity tag that stands for the bytes of a body. The same bytes make the same tag on every gateway and after
 * every restart.
 */
import { createHash, type Hash, hash } from 'node:crypto'

/** SHA-1 is the fastest digest here and nobody gains by a collision with a page of their own; 128 bits of it. */
const ALGORITHM = 'sha1'
const LENGTH = 22

export function tagOf(body: Buffer): string {
  return quoted(hash(ALGORITHM, body, 'base64url'))
}

export class BodyTag {
  readonly #hash: Hash = createHash(ALGORITHM)
  bytes = 0

  add(chunk: Buffer): void {
    this.bytes += chunk.length
    this.#hash.update(chunk)
  }

  finish(): string {
    return quoted(this.#hash.digest('base64url'))
  }
}

/** Whether a tag as it stands in a field may be one of these. */
export function isBodyTag(raw: string): boolean {
  return raw.length === LENGTH + 4 && /^W\/"[\w-]+"$/.test(raw)
}

function quoted(digest: string): string {
  return `W/"${digest.slice(0, LENGTH)}"`
}
