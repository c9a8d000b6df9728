/** Keys whose turn may be somebody's: hints, kept until a claim has asked for them. */
export interface Ask {
  readonly key: string
  /** How many claims have asked in vain. */
  readonly vain: number
}

/** So many claims of some routes only may ask in vain; then it is left to whoever looks at all waiting keys. */
const patience = 10

export class Asks {
  private readonly keys = new Map<string, number>()

  add(keys: Iterable<string>): void {
    for (const key of keys) this.keys.set(key, 0)
  }

  /** For a claim that has room for so many; for at least two of each, so that it shows when there are more. */
  take(limit: number): ReadonlyArray<Ask> {
    const asks = [...this.keys].slice(0, Math.max(1, limit / 2)).map(([key, vain]) => ({ key, vain }))
    for (const { key } of asks) this.keys.delete(key)
    return asks
  }

  /** `most` could be given of each. `all`: whoever has a turn could have had it, so that none is left. */
  answered(asks: ReadonlyArray<Ask>, { all, given, most }: { readonly given: ReadonlyMap<string, number>; readonly most: number; readonly all: boolean }): void {
    for (const { key, vain } of asks) {
      if (this.keys.has(key)) continue
      const count = given.get(key) ?? 0
      if (count >= most) this.keys.set(key, 0)
      else if (count === 0 && !all && vain < patience) this.keys.set(key, vain + 1)
    }
  }
}
