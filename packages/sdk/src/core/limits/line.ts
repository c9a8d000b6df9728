/** Who waits, first come first served: a list whose members carry their own links, so that anybody leaves it in O(1). */

export interface Member<M> {
  ahead: M | null
  behind: M | null
}

/** A call that waits for its turn. It waits in one line at a time. */
export interface Waiter extends Member<Waiter> {
  /** How much of a rate limit it takes. */
  readonly weight: number
  /** Its turn has come. */
  granted(): void
}

export class Line<M extends Member<M>> {
  length = 0
  head: M | null = null
  private tail: M | null = null

  push(member: M): void {
    this.length++
    member.ahead = this.tail
    if (this.tail === null) this.head = member
    else this.tail.behind = member
    this.tail = member
  }

  /** It must be in this line. */
  remove(member: M): void {
    this.length--
    if (member.ahead === null) this.head = member.behind
    else member.ahead.behind = member.behind
    if (member.behind === null) this.tail = member.ahead
    else member.behind.ahead = member.ahead
    member.ahead = member.behind = null
  }

  shift(): M | null {
    const { head } = this
    if (head !== null) this.remove(head)
    return head
  }
}
