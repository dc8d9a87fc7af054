/** A doubly linked list whose links live in its members: oldest first, every operation in constant time. */
export interface Linked {
  list: LinkedList<Linked> | null
  before: Linked | null
  after: Linked | null
}

/** A member is in one list at a time; `append` moves it. */
export class LinkedList<T extends Linked> {
  size = 0
  #first: Linked | null = null
  #last: Linked | null = null

  get first(): T | null {
    return this.#first as T | null
  }

  append(member: T): void {
    member.list?.remove(member)
    member.list = this as unknown as LinkedList<Linked>
    member.before = this.#last
    if (this.#last === null) this.#first = member
    else this.#last.after = member
    this.#last = member
    this.size++
  }

  /** No effect on a member of another list. */
  remove(member: T): void {
    if (member.list !== (this as unknown as LinkedList<Linked>)) return
    if (member.before === null) this.#first = member.after
    else member.before.after = member.after
    if (member.after === null) this.#last = member.before
    else member.after.before = member.before
    member.list = member.before = member.after = null
    this.size--
  }

  /** In order; the member that is visited may be removed or moved, others not. */
  forEach(visit: (member: T) => void): void {
    let member = this.#first
    while (member !== null) {
      const { after } = member
      visit(member as T)
      member = after
    }
  }
}
