/**
 * The places at one set of origins, for all groups (routes) that point there: who gets one at once, who waits for which.
 * Nothing here looks at a clock by itself but at the moments that it measures.
 */
import { Bag, isEndless } from '../contract/index.ts'
import type { Lane } from './lane.ts'
import type { LimitFinder } from './limit-finder.ts'
import { LoadShedder } from './load-shedder.ts'
import { LoadWatch } from './load-watch.ts'
import { Places } from './places.ts'
import { answerKind, mediaTypeOf } from './rules/answer-kind.ts'
import { decidePlace, HELD_MS } from './rules/long-held.ts'
import { rankOf } from './rules/rank.ts'
import type { PlaceEnd, Slot } from './slot.ts'
import { tellWait } from './told.ts'
import { WaitingRoom } from './waiting-room.ts'

/** Who sends a request, so that clients and their connections can take turns. */
export type CallerOf = (incoming: object | undefined) => { readonly client: string; readonly connection: object | null }

/** Running requests below which an answer tells how fast an unloaded origin is. */
const NEARLY_IDLE = 2

export class Limiter {
  readonly key: string
  readonly lanes: Lane[] = []
  readonly finder: LimitFinder
  readonly places = new Places()
  /** Answers that came since the start, as a clock for requests that are held. */
  answers = 0
  readonly room = new WaitingRoom()
  readonly load = new LoadWatch()
  readonly shedder: LoadShedder
  readonly #running = new Bag<Slot>()
  readonly #callerOf: CallerOf
  readonly #onWaiting: () => void
  #isServing = false
  readonly #mayTake = (slot: Slot): boolean => this.places.mayTake(slot)
  readonly #isNewest = ({ lane }: Slot): boolean => this.shedder.isNewestFirst(lane)

  constructor(key: string, finder: LimitFinder, callerOf: CallerOf, onWaiting: () => void) {
    this.key = key
    this.finder = finder
    this.shedder = new LoadShedder(this.room, this.load, finder)
    this.#callerOf = callerOf
    this.#onWaiting = onWaiting
    finder.onChange = () => this.#limitChanged()
    this.#limitChanged()
  }

  get limit(): number {
    return this.finder.limit
  }

  /** The place, a wait, or a refusal. With nobody waiting and places free it costs a few additions. */
  enter(slot: Slot): void {
    this.load.arrivals++
    if (this.room.size === 0 && this.places.isFreeForAll && !slot.lane.expectsHeld(slot.request.path)) {
      this.#occupy(slot)
      return slot.send()
    }
    this.#enterCrowd(slot, performance.now())
  }

  #enterCrowd(slot: Slot, nowMs: number): void {
    const { lane, request } = slot
    if (lane.expectsHeld(request.path) && lane.held < lane.options.maxLimit) {
      lane.held++
      slot.isHeld = true
      slot.startedMs = nowMs
      return slot.send()
    }
    slot.rank = rankOf(lane.options.priority, request.headers)
    this.places.see(slot, nowMs)
    if (this.places.mayTake(slot)) {
      this.#occupy(slot)
      return slot.send()
    }
    this.#queue(slot, nowMs)
  }

  #queue(slot: Slot, nowMs: number): void {
    const { lane } = slot
    const { client, connection } = this.#callerOf(slot.request.incoming)
    slot.flowKey = flowKeyOf(lane, client)
    slot.connection = this.room.clients.connectionOf(connection)
    slot.queuedMs = nowMs
    this.room.clients.noteArrival(slot.flowKey, slot.connection, nowMs)
    const refusal = this.shedder.refusalFor(slot)
    if (refusal !== null) return this.shedder.shed(slot, refusal)
    if (lane.waiting >= lane.queue) {
      const displaced = this.room.displacedBy(slot)
      if (displaced === null) return this.shedder.shed(slot, 'queue-full')
      this.shedder.takeOut(displaced)
      this.shedder.shed(displaced, 'displaced')
    }
    lane.waiting++
    this.room.add(slot)
    this.finder.noteWaiting(true, nowMs)
    this.#onWaiting()
    slot.wait(nowMs)
  }

  #occupy(slot: Slot): void {
    slot.holdsPlace = true
    slot.foundIdle = this.places.inFlight < NEARLY_IDLE && this.room.size === 0
    slot.answersAtStart = this.answers
    slot.startedMs = performance.now()
    this.places.take(slot)
    this.finder.noteSent(this.places.isFull)
    this.#running.add(slot)
  }

  /** The head of the final answer has come. */
  noteHead(slot: Slot, status: number): void {
    const now = performance.now()
    slot.headMs = now
    if (!slot.holdsPlace) return slot.lane.learn(slot.request.path, now - slot.startedMs >= HELD_MS)
    const mediaType = mediaTypeOf(slot.rawHeaders ?? [])
    if (isEndless(mediaType)) return this.release(slot, 'held')
    this.answers++
    // An error is quick, and tells nothing of the speed of answers.
    if (status >= 500) return
    const ms = now - Math.max(slot.sentMs, slot.startedMs)
    const times = slot.lane.timesOf(answerKind(mediaType, slot.request.path))
    times.add(ms, slot.foundIdle)
    this.finder.noteAnswer(times.unloadedMs, ms, now, times.seenUnloaded)
    slot.lane.learn(slot.request.path, false)
  }

  /** The client takes the answer more slowly than it comes: the origin works on others meanwhile. */
  notePaused(slot: Slot): void {
    if (slot.headMs !== 0 && slot.holdsPlace) this.release(slot, 'held')
  }

  /** Gives the place back, if it is held; what waits may then go on. `held`: the attempt itself goes on. */
  release(slot: Slot, end: PlaceEnd): void {
    const { lane } = slot
    if (end === 'ended') this.#noteEnd(slot)
    if (!slot.holdsPlace) return
    slot.holdsPlace = false
    this.#running.delete(slot)
    this.places.giveBack(slot)
    if (end === 'held') {
      slot.isHeld = true
      lane.held++
    } else this.load.ends++
    if (this.room.size > 0) this.serve()
  }

  #noteEnd(slot: Slot): void {
    if (slot.flowKey !== '') this.room.clients.noteEnd(slot.flowKey, slot.connection, performance.now())
    else this.#noteServed(slot)
    if (!slot.isHeld) return
    slot.isHeld = false
    slot.lane.held--
  }

  #noteServed({ lane, request }: Slot): void {
    const { client } = this.#callerOf(request.incoming)
    if (client !== '') this.room.clients.noteServed(flowKeyOf(lane, client), performance.now())
  }

  /** The attempt no longer waits; false when it did not. */
  leave(slot: Slot): boolean {
    if (!this.shedder.takeOut(slot)) return false
    slot.lane.count.left.add(1)
    return true
  }

  /** Lets go on whoever may. A request that fails at once frees its place within this loop. */
  serve(): void {
    if (this.#isServing) return
    this.#isServing = true
    try {
      for (let slot = this.#takeNext(); slot !== null; slot = this.#takeNext()) slot.sendAfterWait()
    } finally {
      this.#isServing = false
    }
    if (this.room.size === 0) this.shedder.noteEmpty()
  }

  #takeNext(): Slot | null {
    if (this.places.isFull) return null
    const slot = this.room.take(this.#mayTake, this.#isNewest)
    if (slot === null) return null
    slot.lane.waiting--
    this.#occupy(slot)
    this.#noteWait(slot)
    return slot
  }

  #noteWait(slot: Slot): void {
    const waitMs = slot.startedMs - slot.queuedMs
    slot.lane.count.waits.observe(waitMs / 1000)
    tellWait(slot, 'waited', { waitMs, limit: this.limit, waiting: this.room.size })
  }

  /** Four times a second: what is held, how the load develops, a step of the limit, who shares with whom. */
  sweep(nowMs: number): void {
    this.#running.visit(slot => this.#checkPlace(slot, nowMs))
    this.load.tick(this.room.size)
    this.shedder.sweep(this.lanes, nowMs)
    this.finder.step(this.lanes, this.places.isFull, nowMs)
    this.places.findSharers(this.lanes, nowMs)
    this.room.clients.sweep(nowMs)
    if (this.room.size > 0) this.serve()
    for (const lane of this.lanes) this.#publish(lane)
  }

  #checkPlace(slot: Slot, nowMs: number): void {
    const { headMs, sentMs, startedMs, request, answersAtStart } = slot
    const decision = decidePlace({
      nowMs,
      headMs,
      sentMs: request.body === null ? startedMs : sentMs,
      startedMs,
      answersMeanwhile: this.answers - answersAtStart,
      ratio: this.finder.lastRatio,
    })
    if (decision.holds) return
    if (decision.reason === 'long-held') slot.lane.learn(request.path, true)
    this.release(slot, 'held')
  }

  #publish(lane: Lane): void {
    lane.count.show(lane, this.finder, this.shedder.isOverloaded)
  }

  #limitChanged(): void {
    this.places.limit = this.finder.limit
    for (const lane of this.lanes) this.#publish(lane)
    if (this.room.size > 0) this.serve()
  }
}

function flowKeyOf({ name }: Lane, client: string): string {
  return `${name}\n${client}`
}
