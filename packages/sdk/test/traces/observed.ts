/** What is seen of a trace: a log in lines and the numbers at the end, which must be the same of both faces, and what each is held to. */
import { type Dependency, stateOf } from "../../src/core/dependency.ts"
import type { Events } from "../../src/core/events/events.ts"
import type { Script } from "./trace.ts"

type Told = { readonly [K in keyof Events]: { readonly type: K; readonly event: Events[K] } }[keyof Events]

/** In the order in which they happened. `attempt` counts from 1. */
export type Line =
  & { readonly at: number }
  & (
    | { readonly kind: "asks" | "leaves"; readonly call: string }
    /** `deadline` as it is told. */
    | { readonly kind: "begins"; readonly call: string; readonly attempt: number; readonly deadline: number }
    | { readonly kind: "stops" | "ends"; readonly call: string; readonly attempt: number }
    | { readonly kind: "hears"; readonly call: string; readonly ok: boolean; readonly value: unknown }
    | ({ readonly kind: "tells" } & Told)
  )

export interface Observed {
  /**
   * Of one millisecond: what the policy tells, whom it tells to stop, what begins, each in its own order; then who is given
   * something else, and who hears, by name.
   */
  readonly log: ReadonlyArray<string>
  /** All numbers that are not zero, and the breaker where it is not closed. */
  readonly state: Readonly<Record<string, unknown>>
}

export interface Run {
  readonly observed: Observed
  readonly lines: ReadonlyArray<Line>
  /** Of the bulkhead, taken at the end. */
  readonly permits: number
  /** Of the engine, waiting at the end. */
  readonly timers: number
}

/** One driven face. */
export type Face = (script: Script) => Promise<Run>

const shown = (value: unknown): string => {
  if (typeof value === "string") return value
  if (value instanceof Error) return (value as { readonly _tag?: string })._tag ?? `${value.name} ${value.message}`
  return `status ${(value as { readonly status: number }).status}`
}

const told: { readonly [K in keyof Events]: (event: Events[K]) => string } = {
  breaker: ({ from, key, reason, to }) => `${from} to ${to}, ${reason}${key === undefined ? "" : `, ${key}`}`,
  retry: ({ attempt, delay, error, of, operation }) => `${operation} ${attempt} of ${of} in ${delay}, ${shown(error)}`,
  hedge: ({ attempt, operation }) => `${operation} ${attempt}`,
  timeout: ({ attempt, operation }) => `${operation} ${attempt}`,
  reject: ({ error, operation }) => `${operation}, ${shown(error)}`,
  fallback: ({ error, operation }) => `${operation}, ${shown(error)}`,
  sharing: ({ processes, together }) => `${together ? "together" : "alone"} of ${processes}`,
  warning: ({ line }) => line
}

const order = ["tells", "stops", "begins", "fallback", "hears"]

/** Within one millisecond; what is between the lines has none. */
const place = (line: Line): number =>
  order.indexOf(line.kind === "leaves" ? "hears" : line.kind === "tells" && line.type === "fallback" ? "fallback" : line.kind)

/** When an answer comes to its caller, is a matter of turns. */
const caller = (line: Line): string =>
  line.kind === "hears" || line.kind === "leaves" ? line.call : line.kind === "tells" && line.type === "fallback" ? line.event.operation! : ""

const inOrder = (a: Line, b: Line): number => a.at - b.at || place(a) - place(b) || caller(a).localeCompare(caller(b))

const textOf = (line: Line): string => {
  switch (line.kind) {
    case "tells": return `${line.type} ${(told[line.type] as (event: unknown) => string)(line.event)}`
    case "stops": return `${line.call} ${line.attempt} is told to stop`
    case "hears": return `${line.call} ${line.ok ? "gets" : "fails with"} ${shown(line.value)}`
    case "asks": case "leaves": return `${line.call} ${line.kind}`
    default: return `${line.call} ${line.attempt} ${line.kind}`
  }
}

const numbersOf = (dependency: Dependency): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(stateOf(dependency)).filter(([name, value]) =>
    name === "breaker" ? value !== "closed" : Array.isArray(value) ? value.length > 0 : typeof value === "number" && value !== 0 && !name.endsWith("Rate")))

export class Recorder {
  private readonly lines: Array<Line> = []
  private readonly now: () => number

  constructor(now: () => number) {
    this.now = now
  }

  asks(call: string): void {
    this.lines.push({ at: this.now(), kind: "asks", call })
  }

  begins(call: string, attempt: number, deadline: number): void {
    this.lines.push({ at: this.now(), kind: "begins", call, attempt, deadline })
  }

  stops(call: string, attempt: number): void {
    this.lines.push({ at: this.now(), kind: "stops", call, attempt })
  }

  ends(call: string, attempt: number): void {
    this.lines.push({ at: this.now(), kind: "ends", call, attempt })
  }

  /** Nothing is heard by whoever has left. */
  hears(call: string, ok: boolean, value: unknown): void {
    if (!this.lines.some((line) => line.kind === "leaves" && line.call === call)) this.lines.push({ at: this.now(), kind: "hears", call, ok, value })
  }

  /** False when it has its answer, or has left. */
  leaves(call: string): boolean {
    const waits = !this.lines.some((line) => (line.kind === "leaves" || line.kind === "hears") && line.call === call)
    if (waits) this.lines.push({ at: this.now(), kind: "leaves", call })
    return waits
  }

  listen(on: <K extends keyof Events>(type: K, listener: (event: Events[K]) => void) => unknown): void {
    for (const type of Object.keys(told) as Array<keyof Events>) {
      on(type, (event) => { this.lines.push({ at: this.now(), kind: "tells", type, event } as Line) })
    }
  }

  run(dependency: Dependency, timers: number): Run {
    const log = this.lines.filter((line) => place(line) >= 0).toSorted(inOrder)
    return {
      observed: { log: log.map((line) => `${line.at} ${textOf(line)}`), state: numbersOf(dependency) },
      lines: this.lines, permits: dependency.bulkhead?.running ?? 0, timers
    }
  }
}
