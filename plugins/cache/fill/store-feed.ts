/**
 * One answer on its way into the store: whole answers as they come, parts gathered and joined with what is stored of the
 * same bytes (RFC 9111 §3.3, §3.4).
 */
import type { Readable } from 'node:stream'
import { type CachedHead, headOf, type Passage } from '../passage.ts'
import { withoutFields } from '../rules/fields.ts'
import { keepForMs } from '../rules/freshness.ts'
import { combinedSpan, isWhole } from '../rules/partial.ts'
import { tagsToStore } from '../rules/release.ts'
import type { ByteSpan, StoredHead } from '../rules/types.ts'
import { variantKey } from '../rules/vary.ts'
import type { Awaitable, CacheStore, CommitOutcome, StoreWriter } from '../stores/index.ts'
import { BodyTag } from '../tag/body-tag.ts'
import { MOST_TAGGED_BYTES } from '../tag/tag-rules.ts'
import type { KeptBytes } from './fill-body.ts'

export interface Feed {
  /** As StoreWriter.write: a promise asks the origin to wait, false says that nothing will be stored. */
  write(chunk: Buffer): Awaitable<boolean>
  finish(): Awaitable<CommitOutcome>
  abort(): void
}

export interface Fed {
  readonly store: CacheStore
  readonly passage: Passage
  readonly head: StoredHead
  readonly kept: KeptBytes
  /** A purge has named it since: nothing may be stored any more. */
  readonly isVoid: () => boolean
}

/** `after` is what has to be done to the store first: a purge that is still on its way would take the new answer, too. */
export function openFeed(fed: Fed, after: Awaitable<unknown>): Feed {
  return after instanceof Promise ? new LateFeed(after, fed) : openNow(fed)
}

function openNow(fed: Fed): Feed {
  const { store, passage, head } = fed
  return head.isPartial === null ? new WholeFeed(store, passage, head) : new PartFeed(fed)
}

const purged: CommitOutcome = { stored: false, reason: 'purged' }

class LateFeed implements Feed {
  readonly #feed: Promise<Feed | null>

  constructor(after: Promise<unknown>, fed: Fed) {
    this.#feed = after.then(() => (fed.isVoid() ? null : openNow(fed)))
  }

  async write(chunk: Buffer): Promise<boolean> {
    return (await this.#feed)?.write(chunk) ?? false
  }

  async finish(): Promise<CommitOutcome> {
    return (await this.#feed)?.finish() ?? purged
  }

  abort(): void {
    void this.#feed.then(feed => feed?.abort())
  }
}

function openWriter(store: CacheStore, passage: Passage, head: StoredHead): StoreWriter {
  const variant = variantKey(head.varyNames, head.varyValues)
  // A part stands beside the whole, never in its place.
  const name = head.isPartial === null ? variant : `${variant}\npart`
  return store.openWriter(passage.key, name, { bodyLength: head.bodyLength })
}

function commit(writer: StoreWriter, passage: Passage, head: CachedHead): Awaitable<CommitOutcome> {
  const { scope } = passage
  return writer.commit({
    head: head as unknown as Readonly<Record<string, unknown>>,
    storedAtMs: head.responseTimeMs,
    expiresAtMs: head.responseTimeMs + keepForMs(head, scope.settings),
    url: passage.keyedUrl,
    route: scope.route,
    tags: scope.startPages.length === 0 ? head.tags : tagsToStore(head, scope.route),
  })
}

class WholeFeed implements Feed {
  readonly #passage: Passage
  readonly #head: StoredHead
  readonly #writer: StoreWriter
  #tag: BodyTag | null
  #bytes = 0

  constructor(store: CacheStore, passage: Passage, head: StoredHead) {
    this.#passage = passage
    this.#head = head
    this.#writer = openWriter(store, passage, head)
    const hasValidator = head.etag !== null || head.lastModified !== null
    this.#tag = hasValidator || !passage.scope.etag || head.status !== 200 ? null : new BodyTag()
  }

  write(chunk: Buffer): Awaitable<boolean> {
    this.#bytes += chunk.length
    // An answer without a length shows only here that it is too long for its route.
    if (this.#bytes > this.#passage.scope.settings.maxObjectBytes) {
      this.#writer.abort()
      return false
    }
    if (this.#bytes > MOST_TAGGED_BYTES) this.#tag = null
    this.#tag?.add(chunk)
    return this.#writer.write(chunk)
  }

  finish(): Awaitable<CommitOutcome> {
    const ownTag = this.#tag?.finish() ?? null
    return commit(this.#writer, this.#passage, { ...this.#head, bodyLength: this.#bytes, ownTag })
  }

  abort(): void {
    this.#writer.abort()
  }
}

/** Bounded by the route's `maxObjectBytes`, and all parts together by what an app keeps. */
class PartFeed implements Feed {
  readonly #store: CacheStore
  readonly #passage: Passage
  readonly #head: StoredHead
  readonly #kept: KeptBytes
  readonly #isVoid: () => boolean
  #chunks: Buffer[] = []
  #bytes = 0

  constructor({ store, passage, head, kept, isVoid }: Fed) {
    this.#store = store
    this.#passage = passage
    this.#head = head
    this.#kept = kept
    this.#isVoid = isVoid
  }

  write(chunk: Buffer): boolean {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    this.#kept.bytes += chunk.length
    if (this.#bytes <= this.#passage.scope.settings.maxObjectBytes && !this.#kept.isFull) return true
    this.abort()
    return false
  }

  async finish(): Promise<CommitOutcome> {
    const span = this.#head.isPartial as ByteSpan
    if (this.#bytes !== span.last - span.first + 1) {
      this.abort()
      return { stored: false, reason: 'length_mismatch' }
    }
    const fresh = { span, body: Buffer.concat(this.#chunks) }
    this.abort()
    const part = await this.#joined(fresh)
    if (this.#isVoid()) return purged
    const head = { ...headFor(this.#head, part.span), bodyLength: part.body.length, ownTag: null }
    const writer = openWriter(this.#store, this.#passage, head)
    if ((await writer.write(part.body)) === false) {
      writer.abort()
      return { stored: false, reason: writer.refusal ?? 'too_large' }
    }
    return commit(writer, this.#passage, head)
  }

  abort(): void {
    this.#kept.bytes -= this.#bytes
    this.#bytes = 0
    this.#chunks = []
  }

  /** With the stored part of the same bytes, where the two leave no gap. */
  async #joined(fresh: Part): Promise<Part> {
    const entry = this.#passage.part
    const old = entry === null ? null : headOf(entry)
    const span = old?.isPartial ?? null
    if (entry === null || old === null || span === null) return fresh
    const combined = combinedSpan(old, { etag: this.#head.etag, span: fresh.span })
    const isTooLong = combined !== null && combined.last - combined.first >= this.#passage.scope.settings.maxObjectBytes
    if (combined === null || isTooLong) return fresh
    const body = await this.#store.read(entry)
    const bytes = body === null || Buffer.isBuffer(body) ? body : await collected(body)
    return bytes === null ? fresh : { span: combined, body: overlay(combined, { span, body: bytes }, fresh) }
  }
}

/** Null where the store loses it meanwhile. */
async function collected(body: Readable): Promise<Buffer | null> {
  try {
    return Buffer.concat(await body.toArray())
  } catch {
    return null
  }
}

interface Part {
  readonly span: ByteSpan
  readonly body: Buffer
}

function overlay(combined: ByteSpan, old: Part, fresh: Part): Buffer {
  const body = Buffer.allocUnsafe(combined.last - combined.first + 1)
  old.body.copy(body, old.span.first - combined.first)
  fresh.body.copy(body, fresh.span.first - combined.first)
  return body
}

/** Parts that make the whole are a 200 (RFC 9111 §3.4). What is about the bytes of one part is not about all of them. */
function headFor(head: StoredHead, span: ByteSpan): StoredHead {
  const headers = withoutFields(head.headers, rangeFields)
  return isWhole(span) ? { ...head, headers, status: 200, isPartial: null } : { ...head, headers, isPartial: span }
}

const rangeFields: ReadonlySet<string> = new Set(['content-range', 'content-digest', 'content-md5'])
