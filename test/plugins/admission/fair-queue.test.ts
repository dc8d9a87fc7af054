/** Whose turn it is among those who wait, as a table of who came when. */
import t from 'tap'
import { Clients, KNOWN_MS } from '../../../plugins/admission/clients.ts'
import { FairQueue, type Waiting } from '../../../plugins/admission/fair-queue.ts'
import { FOLLOWS_MS } from '../../../plugins/admission/rules/pace.ts'

interface Item extends Waiting {
  readonly name: string
}

class Room {
  readonly clients = new Clients()
  readonly queue = new FairQueue<Item>(this.clients)
  nowMs = 0
  #names = 0

  arrive(client: string, socket: object | null = null): Item {
    const connection = this.clients.connectionOf(socket)
    this.clients.noteArrival(client, connection, this.nowMs)
    const item = { name: `${client}${++this.#names}`, flowKey: client, connection, queuedMs: this.nowMs }
    this.queue.push(item)
    return item
  }

  take(isNewestFirst = false): Item | null {
    return this.queue.take(
      () => true,
      () => isNewestFirst,
    )
  }

  end(item: Item): void {
    this.clients.noteEnd(item.flowKey, item.connection, this.nowMs)
  }

  /** Serves `count` requests; each client comes back at once. */
  fetch(count: number): string[] {
    const served: string[] = []
    for (let n = 0; n < count; n++) {
      const item = this.take() as Item
      this.nowMs += 10
      this.end(item)
      served.push(item.flowKey)
      this.arrive(item.flowKey)
    }
    return served
  }
}

function fetchers(count: number): Room {
  const room = new Room()
  for (let n = 0; n < count; n++) room.arrive(`f${n}`)
  return room
}

t.test('clients that fetch take turns', async t => {
  const room = fetchers(16)
  room.fetch(16 * 40)
  const turns = room.fetch(16 * 4)
  for (let n = 0; n < 16; n++) t.equal(turns.filter(key => key === `f${n}`).length, 4, `f${n}`)
})

t.test('a client that looks goes before those that fetch, each time', async t => {
  const room = fetchers(64)
  room.fetch(200)
  for (let look = 0; look < 20; look++) {
    const looked = room.arrive('person')
    const first = [room.take(), room.take()] as Item[]
    t.ok(first.includes(looked), 'next, or after the one that has waited longest')
    for (const item of first) {
      room.end(item)
      if (item !== looked) room.arrive(item.flowKey)
    }
    room.nowMs += FOLLOWS_MS + 1
    // Time passes for those that fetch too, and they are not people for that.
    room.fetch(8)
  }
})

t.test('one look that meets an end by chance does not keep the next one waiting', async t => {
  const room = fetchers(64)
  room.fetch(64 * 3)
  const first = room.arrive('person')
  while (room.take() !== first);
  room.end(first)
  const second = room.arrive('person')
  t.equal(room.clients.levelOf('person'), 2)
  room.nowMs += 250
  const third = room.arrive('person')
  const taken = [room.take(), room.take(), room.take(), room.take()]
  t.ok(taken.includes(second) && taken.includes(third))
})

t.test('whoever has waited longest has one turn in four', async t => {
  const room = fetchers(4)
  room.fetch(64)
  const oldest = new Set([...room.queue.items()])
  room.nowMs += 1_000
  for (let n = 0; n < 100; n++) {
    const person = room.arrive(`person ${n}`)
    room.take()
    room.end(person)
    room.nowMs += FOLLOWS_MS + 1
  }
  for (const item of room.queue.items()) t.notOk(oldest.has(item))
})

t.test('under overload the newest goes first, and a client with several does not go on and on', async t => {
  const room = new Room()
  for (const name of ['a', 'b', 'c', 'c', 'c']) {
    room.arrive(name)
    room.nowMs += 100
  }
  const order = [room.take(true), room.take(true), room.take(true)].map(item => item?.flowKey)
  t.strictSame(order, ['c', 'b', 'a'])
})

t.test('connections of one client take turns by the same rule', async t => {
  const room = new Room()
  const [idle, busy] = [{}, {}]
  for (let n = 0; n < 8; n++) {
    const item = room.arrive('home', busy)
    room.take()
    room.end(item)
  }
  const fetched = room.arrive('home', busy)
  const looked = room.arrive('home', idle)
  t.strictSame([room.take(), room.take()], [looked, fetched])
})

t.test('a connection that fetches does not wait for ever behind others of its client that look', async t => {
  const room = new Room()
  const busy = {}
  for (let n = 0; n < 8; n++) {
    room.arrive('home', busy)
    room.end(room.take() as Item)
  }
  for (let n = 0; n < 4; n++) room.arrive('home', {})
  const fetched = room.arrive('home', busy)
  const turns = new Map<Item, number>()
  for (let n = 1; n <= 40; n++) {
    room.nowMs += FOLLOWS_MS + 1
    room.arrive('home', {})
    turns.set(room.take() as Item, n)
  }
  t.ok((turns.get(fetched) ?? Number.POSITIVE_INFINITY) <= 40, `served in turn ${turns.get(fetched)} of 40`)
})

t.test('who leaves is not served, and the numbers hold', async t => {
  const room = new Room()
  const [a, b] = [room.arrive('a'), room.arrive('a')]
  t.equal(room.queue.size, 2)
  t.ok(room.queue.remove(a))
  t.notOk(room.queue.remove(a))
  t.equal(room.take(), b)
  t.equal(room.take(), null)
  t.equal(room.queue.size, 0)
})

t.test('who was here a moment ago does not wait for a herd that has just come', async t => {
  const room = new Room()
  room.nowMs = 1_000
  room.clients.noteServed('person', room.nowMs)
  room.nowMs += FOLLOWS_MS + 1
  for (let n = 0; n < 64; n++) room.arrive(`f${n}`)
  room.arrive('person')
  t.equal(room.take()?.flowKey, 'person')
  room.clients.sweep(room.nowMs + KNOWN_MS)
  t.equal(room.clients.levelOf('person'), 0, 'as long as its request is open')
})

t.test('who has been away is new again', async t => {
  const clients = new Clients()
  clients.noteServed('person', 1_000)
  clients.sweep(1_000 + KNOWN_MS)
  t.equal(clients.levelOf('person'), 0)
  clients.sweep(1_001 + KNOWN_MS)
  t.equal(clients.levelOf('person'), 1)
  t.equal(clients.size, 0)
})

t.test('how many go before a newcomer', async t => {
  const room = fetchers(10)
  t.equal(room.queue.aheadOf('new'), 10)
  t.equal(room.queue.aheadOf('f3'), 10, 'never more than wait')
  room.fetch(10 * 8)
  t.equal(room.queue.aheadOf('new'), 0, 'those that fetch do not')
})

t.test('clients are forgotten when nothing of them is open and they have been away', async t => {
  const room = new Room()
  const items = Array.from({ length: 100 }, (_, n) => room.arrive(`c${n}`))
  room.nowMs += 10_000
  room.clients.sweep(room.nowMs)
  t.equal(room.clients.size, 100, 'open')
  for (const item of items) room.end(item)
  room.nowMs += KNOWN_MS
  room.clients.sweep(room.nowMs)
  t.equal(room.clients.size, 100, 'still here')
  room.nowMs++
  room.clients.sweep(room.nowMs)
  t.equal(room.clients.size, 0)
})
