/**
 * Many who ask, one question. What is asked for within a short while goes out together, and each asker hears of its own key.
 *
 *            first key              `maxSize` keys, or `delay` is over
 *   nothing ----------> collecting ------------------------------------> running -----> over
 *                           |                                               |             ^
 *                           +------ all have left: it was never asked ------+-- aborted --+
 *
 * Only one batch collects at a time, so batches begin in the order in which they were opened. Equal keys of a batch are one
 * entry. One that runs takes nobody in: an answer on its way may be older than what the caller has just written. An asker
 * leaves alone, by abort or at its own deadline; a key that nobody waits for any more is not asked for, and a batch whose
 * last asker leaves is stopped.
 */
import { CallTimeoutError } from "./errors.ts"
import type { TimerHandle, TimerPort } from "./time/timers.ts"

export interface BatchSettings {
  /** Keys in one batch. */
  readonly maxSize: number
  /** How long the first key may wait for others, ms. */
  readonly delay: number
}

/** What answers a batch: as many as the keys and in their order, or by key. An `Error` among them is for its key alone. */
export type Answers<M, Key> = ReadonlyArray<M> | ReadonlyMap<Key, M>

/** The batch was answered, but not this key. */
export class MissingAnswerError extends Error {
  readonly _tag = "MissingAnswerError"
  readonly dependency: string
  readonly operation: string
  readonly key: unknown
  constructor(dependency: string, operation: string, key: unknown, why: string) {
    super(`${dependency}.${operation}: no answer for the key ${textOf(key)}: ${why}`)
    this.dependency = dependency
    this.operation = operation
    this.key = key
  }
}
Object.defineProperty(MissingAnswerError.prototype, "name", { value: "MissingAnswerError", configurable: true, writable: true })

/** An object without a prototype has no text; to throw for it would leave all who ask without an answer. */
const textOf = (key: unknown): string => {
  try {
    return String(key)
  } catch {
    return "[object Object]"
  }
}

/** A key, and who waits for it. */
interface Entry {
  readonly id: unknown
  readonly key: unknown
  readonly askers: Set<Asker>
}

/** One caller, who waits for one key. */
export abstract class Asker {
  deadline = Infinity
  batch: Batch | null = null
  entry: Entry | null = null
  timer: TimerHandle | null = null

  /** This one opened the batch: leave there what its work needs of the caller's surroundings. */
  abstract open(batch: Batch): void
  /** Heard once, unless it left. `raw` is the shell's own form of a failure of the whole batch. */
  abstract answered(ok: boolean, value: unknown, raw: unknown): void
}

export class Batch {
  phase: "collecting" | "running" | "over" = "collecting"
  readonly entries = new Map<unknown, Entry>()
  /** How many wait, for whichever key. */
  askers = 0
  /** The keys as they were asked for, each once, from when it runs. */
  readonly ids: Array<unknown> = []
  /** The latest of its askers': beyond it nobody waits. Known when it runs. */
  deadline = 0
  timer: TimerHandle | null = null
  /** The shell's: the surroundings to run in, and its handle on the work. */
  surroundings: unknown = undefined
  work: unknown = undefined
  private readonly collector: Collector

  constructor(collector: Collector) {
    this.collector = collector
  }

  /** Nobody joins any more. */
  begin(): void {
    this.phase = "running"
    for (const { askers, id } of this.entries.values()) {
      this.ids.push(id)
      for (const { deadline } of askers) this.deadline = Math.max(this.deadline, deadline)
    }
  }

  /** Its work gave this. */
  succeeded(answers: unknown): void {
    this.phase = "over"
    const { dependency, operation } = this.collector
    const many = this.entries.size
    const wrong = answers instanceof Map ? undefined
      : !Array.isArray(answers) ? "the batch gave neither an array nor a Map"
      : answers.length !== many ? `the batch gave ${answers.length} answers for ${many} keys`
      : undefined
    let index = 0
    for (const { askers, key } of this.entries.values()) {
      const at = index++
      const why = wrong ?? (answers instanceof Map && !answers.has(key) ? "the batch gave a Map without it" : undefined)
      const value: unknown = why !== undefined ? new MissingAnswerError(dependency, operation, key, why)
        : answers instanceof Map ? answers.get(key) : (answers as ReadonlyArray<unknown>)[at]
      const ok = !(value instanceof Error)
      for (const asker of askers) this.settle(asker, ok, value, undefined)
    }
  }

  /** Its work failed as a whole, or was not let through: all hear the same. */
  failed(error: unknown, raw: unknown): void {
    this.phase = "over"
    for (const { askers } of this.entries.values()) {
      for (const asker of askers) this.settle(asker, false, error, raw)
    }
  }

  private settle(asker: Asker, ok: boolean, value: unknown, raw: unknown): void {
    asker.timer?.cancel()
    asker.batch = asker.timer = null
    asker.answered(ok, value, raw)
  }
}

/** What a shell does with a batch. */
export interface BatchShell {
  /** Begin the work for `batch.ids`; it ends in one `succeeded` or `failed`. */
  run(batch: Batch): void
  /** Nobody waits for it any more. */
  stop(batch: Batch): void
}

/** All batches of one operation. */
export class Collector {
  readonly dependency: string
  readonly operation: string
  private readonly settings: BatchSettings
  private readonly shell: BatchShell
  private collecting: Batch | null = null

  constructor(dependency: string, operation: string, settings: BatchSettings, shell: BatchShell) {
    this.dependency = dependency
    this.operation = operation
    this.settings = settings
    this.shell = shell
  }

  /** Asks for `id`, known by `key`, until `deadline` (Infinity for none). The answer may come at once. */
  ask(asker: Asker, id: unknown, key: unknown, deadline: number, port: TimerPort): void {
    if (deadline < Infinity) {
      const left = deadline - port.now()
      if (left <= 0) return asker.answered(false, this.timeoutError(), undefined)
      asker.deadline = deadline
      asker.timer = port.at(left, () => this.expire(asker))
    }
    const batch = this.collecting ?? this.open(asker, port)
    let entry = batch.entries.get(key)
    if (entry === undefined) batch.entries.set(key, entry = { id, key, askers: new Set() })
    entry.askers.add(asker)
    batch.askers++
    asker.batch = batch
    asker.entry = entry
    if (batch.entries.size >= this.settings.maxSize) this.flush(batch)
  }

  /** The asker waits no longer, and hears nothing. True when that stopped the work: then `batch.work` is on its way out. */
  leave(asker: Asker): boolean {
    const { batch, entry } = asker
    if (batch === null) return false
    asker.timer?.cancel()
    asker.batch = asker.timer = null
    entry!.askers.delete(asker)
    batch.askers--
    if (batch.phase === "collecting" && entry!.askers.size === 0) batch.entries.delete(entry!.key)
    return batch.askers === 0 && this.deserted(batch)
  }

  private deserted(batch: Batch): boolean {
    const ran = batch.phase === "running"
    batch.phase = "over"
    if (ran) this.shell.stop(batch)
    else {
      batch.timer!.cancel()
      this.collecting = null
    }
    return ran
  }

  private open(asker: Asker, port: TimerPort): Batch {
    const batch = this.collecting = new Batch(this)
    asker.open(batch)
    batch.timer = port.at(this.settings.delay, () => {
      batch.timer = null
      this.flush(batch)
    })
    return batch
  }

  private flush(batch: Batch): void {
    batch.timer?.cancel()
    batch.timer = this.collecting = null
    batch.begin()
    this.shell.run(batch)
  }

  private expire(asker: Asker): void {
    asker.timer = null
    this.leave(asker)
    asker.answered(false, this.timeoutError(), undefined)
  }

  private timeoutError(): CallTimeoutError {
    return new CallTimeoutError(this.dependency, this.operation, Number.NaN)
  }
}
