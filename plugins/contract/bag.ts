/**
 * A set for what comes and goes with every request. A JavaScript Set leaves its outgrown tables behind with everything
 * they held, and once one of them is old the collector keeps all that came after it: measured, a fifth of all garbage was
 * carried into the old space. Here a member knows its place in one array.
 */

/** What a member has to have; -1 = in no bag. */
export interface BagMember {
  bagIndex: number
}

export class Bag<T extends BagMember> {
  readonly #members: T[] = []

  get size(): number {
    return this.#members.length
  }

  has(member: T): boolean {
    return this.#members[member.bagIndex] === member
  }

  /** A member is in one bag at a time; adding it twice has no effect. */
  add(member: T): void {
    if (this.has(member)) return
    member.bagIndex = this.#members.length
    this.#members.push(member)
  }

  /** False when it was not in this bag. The last member takes its place. */
  delete(member: T): boolean {
    if (!this.has(member)) return false
    const last = this.#members.pop() as T
    if (last !== member) {
      this.#members[member.bagIndex] = last
      last.bagIndex = member.bagIndex
    }
    member.bagIndex = -1
    return true
  }

  /** Visits all, from the last to the first: the visited member may be deleted meanwhile, new ones are not visited. */
  visit(look: (member: T) => void): void {
    for (let i = this.#members.length - 1; i >= 0; i--) {
      const member = this.#members[i]
      if (member !== undefined) look(member)
    }
  }
}
