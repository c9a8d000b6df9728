/** Those who wait, or work, in the order in which they came. Each carries its own links, so that all of it is O(1). */
export interface Member<M extends Member<M>> {
  line: Line<M> | null
  ahead: M | null
  behind: M | null
}

export class Line<M extends Member<M>> {
  size = 0
  private first: M | null = null
  private last: M | null = null

  push(member: M): void {
    member.line = this
    member.ahead = this.last
    if (this.last === null) this.first = member
    else this.last.behind = member
    this.last = member
    this.size++
  }

  shift(): M | null {
    const { first } = this
    if (first !== null) this.remove(first)
    return first
  }

  /** It must be in this line. */
  remove(member: M): void {
    if (member.ahead === null) this.first = member.behind
    else member.ahead.behind = member.behind
    if (member.behind === null) this.last = member.ahead
    else member.behind.ahead = member.ahead
    member.line = member.ahead = member.behind = null
    this.size--
  }

  /** All of them, who are in no line then. */
  drain(): ReadonlyArray<M> {
    const all: Array<M> = []
    for (let member = this.shift(); member !== null; member = this.shift()) all.push(member)
    return all
  }
}
