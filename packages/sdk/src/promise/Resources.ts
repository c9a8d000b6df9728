/** What is opened at the start and closed at the end, in order: each after what it needs, and closed before it. */
import { InvalidPolicyOption } from "../core/errors.ts"
import type { CheckFunction } from "./Checks.ts"

export interface ResourceOptions<A> {
  readonly open: () => Promise<A> | A
  readonly close?: ((value: A) => unknown) | undefined
  readonly check?: ((value: A) => ReturnType<CheckFunction>) | undefined
  /** Names of resources that are opened before, and closed after. */
  readonly needs?: ReadonlyArray<string> | undefined
}

/** What `outrigger.resource` gives: the opened value, once it is asked for. */
export interface Resource<A> {
  readonly name: string
  /** Opens it, after what it needs, unless it is open. */
  get(): Promise<A>
}

interface Held {
  readonly get: () => Promise<unknown>
  opened: Promise<unknown> | undefined
}

export class Resources {
  private readonly held = new Map<string, Held>()
  /** In the order in which they were opened. */
  private readonly open: Array<{ readonly name: string; readonly close: () => unknown }> = []
  private closed = false

  add<A>(name: string, { close, needs = [], open }: ResourceOptions<A>): Resource<A> {
    if (this.held.has(name)) throw new InvalidPolicyOption(`resource ${name}`, "name", name, "new: a resource of this name exists")
    for (const need of needs) {
      if (!this.held.has(need)) throw new InvalidPolicyOption(`resource ${name}`, "needs", need, "the name of a resource made before")
    }
    const begin = async (): Promise<A> => {
      if (this.closed) throw new Error(`resource ${name}: the outrigger is closed`)
      for (const need of needs) await this.held.get(need)!.get()
      const value = await open()
      this.open.push({ name, close: () => close?.(value) })
      return value
    }
    const held: Held = {
      opened: undefined,
      get: () => {
        held.opened ??= begin().catch((error: unknown) => {
          held.opened = undefined // the next to ask tries again
          throw error
        })
        return held.opened
      }
    }
    this.held.set(name, held)
    return { name, get: () => held.get() as Promise<A> }
  }

  /** In reverse; one that fails to close does not keep the others open. */
  async close(closed: (name: string, error: unknown) => void): Promise<void> {
    this.closed = true
    for (let last = this.open.pop(); last !== undefined; last = this.open.pop()) {
      const { close, name } = last
      await Promise.resolve().then(close).then(() => closed(name, undefined), (error: unknown) => closed(name, error))
    }
  }
}
