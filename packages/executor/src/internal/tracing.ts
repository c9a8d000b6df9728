/**
 * Attempts as spans: one named `task <name>` for each, a child of the trace that the task's metadata carries. With no tracer
 * installed no span is made; what the handler enqueues or calls still continues the trace.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"
import { type AttemptEnd, TaskStore } from "@outrigger/sdk"

/** Whether somebody provided a tracer: the default one only keeps spans for whoever asks. */
export const isTraced = (services: Context.Context<never>): boolean => services.mapUnsafe.has(Tracer.Tracer.key)

/** The services without the span in which they happened to be made: attempts are no part of that. */
export const untraced = (services: Context.Context<never>): Context.Context<never> => Context.omit(Tracer.ParentSpan)(services)

const parentOf = ({ metadata }: TaskStore.ClaimedTask): Tracer.ExternalSpan | undefined => {
  const trace = TaskStore.parseTraceparent(metadata?.[TaskStore.traceparentKey])
  return trace && Tracer.externalSpan(trace)
}

/** In what span an attempt runs, if in any. */
export const spanOf = (task: TaskStore.ClaimedTask, services: Context.Context<never>, traced: boolean): Tracer.AnySpan | undefined => {
  const parent = parentOf(task)
  if (!traced) return parent
  const { attempt, id, name, queue, version } = task
  return Effect.runSyncWith(services)(Effect.makeSpan(`task ${name}`, {
    ...(parent === undefined ? { root: true } : { parent }),
    kind: "consumer",
    attributes: { "task.id": id, "task.name": name, "task.version": version, "task.queue": queue, "task.attempt": attempt }
  }))
}

/** Ends it as the attempt ended: a failure shows what failed, not how the executor wraps it. */
export const endSpan = (span: Tracer.AnySpan, now: bigint, exit: Exit.Exit<unknown, { readonly cause: unknown }>, end: AttemptEnd.AttemptEnd | undefined): void => {
  if (span._tag !== "Span") return
  span.attribute("task.outcome", end?._tag ?? "Interrupted")
  if (end?._tag === "TimedOut") span.end(now, Exit.fail(new Error(`Task timeout after ${end.timeout / 1000}s`)))
  else span.end(now, Exit.mapError(exit, ({ cause }) => cause))
}
