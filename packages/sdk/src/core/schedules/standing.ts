/**
 * How a schedule stands in its store, and what becomes of it: each transition gives the whole of what is to be written. A store
 * writes it only while the revision is the one that was read, and tells the time.
 *
 *                 declare              pause              remove (an operator)
 *   (not there) ----------> active <----------> paused ----------> removed --a day undeclared--> (not there)
 *                             |      resume                 |
 *                             '<------------ resume --------'
 *
 * Paused and removed are an operator's words: no declaration takes them back. A slot that is due when the rule changes still
 * fires; one that passes while nothing may fire is gone.
 */
import type { NewTask, TaskId } from "../tasks/task.ts"
import { nextSlot } from "./occurrences.ts"
import { changeRule, claimHolds, type Declaration, orphanedAfter, type Rule, type RuleInput, type ScheduleRecord } from "./schedule.ts"

/** What workers said last. */
export interface Declared {
  readonly rule: Rule
  readonly task: NewTask
}

/** A schedule as its store keeps it. Epoch ms of the store's clock. */
export interface Standing extends Declared {
  readonly name: string
  /** Grows with every write but a worker's "still there". */
  readonly revision: number
  readonly declared: Declared
  readonly declaredAt: number
  readonly next: number | undefined
  readonly lastSlot: number | undefined
  readonly lastTask: TaskId | undefined
  readonly paused: boolean
  readonly removed: boolean
}

/** What a declaration comes to. */
export type Verdict =
  /** To be written in place of what was read, or anew. */
  | { readonly _tag: "Write"; readonly standing: Standing }
  /** As it was declared before. */
  | { readonly _tag: "Same" }
  | { readonly _tag: "Delete" }
  /** There is nothing to remove. */
  | { readonly _tag: "Nothing" }
  /** Workers declare it for another task. */
  | { readonly _tag: "Refused"; readonly owner: string }

/** JSON with its keys in order and nothing undefined, so that two spellings of one value are alike. */
const canonical = (value: unknown): string => JSON.stringify(value, (_, inner: unknown) =>
  typeof inner === "object" && inner !== null && !Array.isArray(inner)
    ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
    : inner)

const same = (a: Declared, b: Declared): boolean => canonical([a.rule, a.task]) === canonical([b.rule, b.task])

const freshSlot = ({ rhythm }: Rule, lastSlot: number | undefined, now: number): number | undefined =>
  nextSlot(rhythm, Math.max(now, lastSlot ?? now))

/** A slot that is due is not lost to a change. */
const slotUnder = (rule: Rule, { lastSlot, next, paused, removed }: Standing, now: number): number | undefined =>
  next !== undefined && next <= now && !paused && !removed ? next : freshSlot(rule, lastSlot, now)

/** What a worker that starts says of a schedule. */
export const declared = (before: Standing | undefined, declaration: Declaration, now: number): Verdict => {
  const { name, task } = declaration
  const owner = before?.declared.task.name
  if (declaration.remove === true) return { _tag: owner === task.name ? "Delete" : "Nothing" }
  const said: Declared = { rule: declaration.rule, task: declaration.task }
  const heard = { declared: said, declaredAt: now }
  if (before === undefined) {
    const next = freshSlot(said.rule, undefined, now)
    return { _tag: "Write", standing: { name, revision: 1, ...said, ...heard, next, lastSlot: undefined, lastTask: undefined, paused: false, removed: false } }
  }
  if (owner !== undefined && owner !== task.name && now - before.declaredAt < claimHolds) return { _tag: "Refused", owner }
  if (same(before.declared, said)) return { _tag: "Same" }
  return { _tag: "Write", standing: { ...before, ...said, ...heard, next: slotUnder(said.rule, before, now) } }
}

/** An operator's other rule; throws `InvalidOption`. */
export const changed = (before: Standing, change: RuleInput, now: number): Standing => {
  const rule = changeRule(before.name, before.task.name, before.rule, change)
  return { ...before, rule, next: slotUnder(rule, before, now) }
}

export const paused = (before: Standing): Standing => ({ ...before, paused: true })

/** Begins from now; one that was neither paused nor removed goes on as it was. */
export const resumed = (before: Standing, now: number): Standing =>
  before.paused || before.removed
    ? { ...before, paused: false, removed: false, next: freshSlot(before.rule, before.lastSlot, now) }
    : before

export const removed = (before: Standing): Standing => ({ ...before, removed: true })

/** As everybody may see it. */
export const recordOf = (standing: Standing, now: number): ScheduleRecord => {
  const { declaredAt, lastSlot, lastTask, name, next, paused, rule, task } = standing
  return {
    name, task: task.name, version: task.version, queue: task.queue, payload: task.payload, rule, paused,
    orphaned: now - declaredAt >= orphanedAfter,
    changed: canonical(rule) !== canonical(standing.declared.rule),
    nextSlot: next, lastSlot, lastTask, declaredAt
  }
}

/** What every task of a slot carries. */
export const slotMetadata = (name: string, slot: number): Readonly<Record<string, string>> => ({ schedule: name, slot: new Date(slot).toISOString() })
