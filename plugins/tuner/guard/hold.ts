/**
 * Keeps every knob where it was decided: what stands elsewhere, with nobody's pin on it, goes back. A gateway that will
 * not take a value, or somebody who insists, is not argued with every second.
 */
import type { Book, Knob } from './book.ts'
import { isSame, shown } from './same.ts'

/** So many knobs, one behind the other, are compared with what is in force in every window; of more, a part in each. */
const HELD_AT_ONCE = 400
/** Where nobody says which knobs are in force, all are said again this often. */
const REPEAT_WINDOWS = 60
/** Knobs of one such repetition; further ones have their turn a window later. */
const REPEAT_TOGETHER = 64
/** What was decided so lately may not have been read back yet. */
const FRESH_WINDOWS = 3
/** Windows to the next word about the same value; twice as many each time. */
const AGAIN_AFTER = 3
const AGAIN_AFTER_MOST = 60

interface Said {
  readonly found: unknown
  readonly wait: number
  readonly again: number
}

export class Hold {
  readonly #book: Book
  /** Of knobs that were found elsewhere when last looked at. */
  readonly #said = new Map<Knob, Said>()

  constructor(book: Book) {
    this.#book = book
  }

  /** `inForce`: in the form of `Decisions`; anything else = unknown. */
  observe(inForce: unknown): void {
    if (typeof inForce !== 'object' || inForce === null) return this.#repeat()
    const all = this.#book.all()
    const parts = Math.ceil(all.length / HELD_AT_ONCE)
    const each = Math.ceil(all.length / parts)
    const first = (this.#book.now % parts) * each
    const { upstreams, routes } = inForce as Record<string, Record<string, unknown> | undefined>
    let target: string | null = null
    let scope = ''
    let found: unknown
    for (let i = first; i < Math.min(all.length, first + each); i++) {
      const slot = all[i] as Knob
      // Those of one target stand together.
      if (slot.target !== target || slot.scope !== scope) {
        ;({ target, scope } = slot)
        found = (scope === 'upstream' ? upstreams : routes)?.[target]
      }
      if (typeof found === 'object' && found !== null) this.#compare(slot, found as Record<string, unknown>)
    }
  }

  #repeat(): void {
    const part = this.#book.now % REPEAT_WINDOWS
    let turn = 0
    for (const { scope, target, knob, value } of this.#book.all()) {
      const isTurn = Math.floor(turn++ / REPEAT_TOGETHER) % REPEAT_WINDOWS === part
      if (isTurn && !this.#book.isPinned(target, knob)) this.#book.emit(scope, target, knob, value)
    }
  }

  #compare(slot: Knob, all: Record<string, unknown>): void {
    const { target, knob, value, changedAt } = slot
    const found = all[knob]
    if (found === undefined) return
    if (isSame(found, value)) return this.#agree(slot)
    const isFresh = (changedAt.at(-1) ?? Number.NEGATIVE_INFINITY) > this.#book.now - FRESH_WINDOWS
    if (!isFresh && !this.#book.isPinned(target, knob)) this.#putBack(slot, found)
  }

  #agree(slot: Knob): void {
    if (this.#said.size > 0) this.#said.delete(slot)
  }

  #putBack(slot: Knob, found: unknown): void {
    const { scope, target, knob, value } = slot
    const { now } = this.#book
    const said = this.#said.get(slot)
    const isKnown = said !== undefined && isSame(said.found, found)
    if (isKnown && now < said.again) return
    const wait = isKnown ? Math.min(AGAIN_AFTER_MOST, 2 * said.wait) : AGAIN_AFTER
    this.#said.set(slot, { found, wait, again: now + wait })
    this.#book.emit(scope, target, knob, value)
    if (isKnown) return
    const hypothesis = 'somebody else has moved it, without a pin'
    const note = { scope, target, knob, to: value, evidence: {}, verdict: 'rolled back' as const, hypothesis }
    this.#book.note({ ...note, expected: 'as it was decided' }, shown(found))
  }
}
