/**
 * What a store keeps of one breaker that processes share, as a pure machine: `exchange(record, request, now)` gives the next
 * record, and `answerOf` what the asker is told. The store in memory runs it; the one in PostgreSQL does the same in SQL, and
 * one suite holds both to it. `now` is the store's clock, and no other.
 *
 *            votes reach the quorum             openFor is over: the first who asks
 *   closed -------------------------> open ----------------------------------------> half-open, one prober
 *     ^                                ^   the prober failed                          |   |   ^
 *     |                                +----------------------------------------------+   |   | its lease is over:
 *     +------------------------------------------------- the prober succeeded ------------+---+ another who asks
 *
 *   isolated: by hand, from any state, until it is restored.
 *
 * Every arrow begins a new generation. A request says which generation it has seen, and votes, verdicts and commands count in
 * that one only. A vote belongs to its generation: when that is over all votes are void, and nobody has to take them back.
 */
import type { BreakerReason } from "./lifecycle.ts"
import { type BreakerSettings, openTime } from "./settings.ts"

/** What a process asks for beside telling how it is; each only in the generation that it has seen. */
export type BreakerAction =
  | "none"
  /** To be the one who probes, or to stay it. */
  | "probe"
  /** The verdict of the prober. */
  | "succeeded" | "failed"
  /** By hand, for all. */
  | "isolate" | "restore"
  /** It goes: its vote and its lease with it. */
  | "leave"

/** One process's word on one breaker. Plain JSON; times are milliseconds. */
export interface BreakerExchange extends Pick<BreakerSettings, "growth" | "openFor"> {
  readonly name: string
  /** "" where there are no keys. */
  readonly key: string
  /** Who asks: one breaker of one process. */
  readonly instance: string
  /** Rises with every request of an instance: one that is overtaken changes nothing. */
  readonly turn: number
  /** The newest that it has seen, 0 before any. */
  readonly generation: number
  /** Its own breaker has opened by itself. */
  readonly vote: boolean
  readonly action: BreakerAction
  /** How long it counts as alive and may probe from now on; 0 while it has no calls: then it has no say. */
  readonly lease: number
  /** The share of those alive that must vote, above 0 and at most 1. */
  readonly quorum: number
  /** How many must vote at least, where so many are alive. */
  readonly minimumVotes: number
}

/** What the store says. */
export interface SharedBreakerState {
  readonly state: "closed" | "open" | "half-open" | "isolated"
  readonly generation: number
  /** Why it came to this state; undefined before the first change. */
  readonly reason: SharedReason | undefined
  /** How often probes have failed since it was last closed. */
  readonly reopenings: number
  /** Milliseconds by the store's clock: until it may be probed, or until the prober's lease is over; else 0. */
  readonly left: number
  /** The asker is the one who probes. */
  readonly probing: boolean
}

/** `votes`: a quorum has opened it. */
export type SharedReason = "votes" | Extract<BreakerReason, "open-over" | "probe-failed" | "probes-succeeded" | "isolated" | "restored">

export interface Member {
  readonly turn: number
  /** The generation that it votes to end; undefined for none. */
  readonly vote: number | undefined
  readonly until: number
}

export interface SharedRecord {
  readonly state: SharedBreakerState["state"]
  readonly generation: number
  readonly reason: SharedReason | undefined
  readonly reopenings: number
  readonly until: number
  readonly prober: string | undefined
  readonly members: ReadonlyMap<string, Member>
}

export const freshRecord: SharedRecord = {
  state: "closed", generation: 0, reason: undefined, reopenings: 0, until: 0, prober: undefined, members: new Map()
}

/** The next record; the same object when nothing moved. */
export const exchange = (record: SharedRecord, request: BreakerExchange, now: number): SharedRecord => {
  const known = record.members.get(request.instance)
  if (known !== undefined && known.turn >= request.turn) return record
  const heard = withMember(record, request, now)
  return request.generation === record.generation ? decided(heard, request, now) : heard
}

export const answerOf = ({ generation, prober, reason, reopenings, state, until }: SharedRecord, instance: string, now: number): SharedBreakerState => ({
  state, generation, reason, reopenings,
  left: state === "open" || state === "half-open" ? Math.max(0, until - now) : 0,
  probing: state === "half-open" && prober === instance
})

const withMember = (record: SharedRecord, { action, generation, instance, lease, turn, vote }: BreakerExchange, now: number): SharedRecord => {
  if (lease === 0 && action !== "leave") return record
  const members = new Map([...record.members].filter(([, { until }]) => until > now))
  if (action === "leave") members.delete(instance)
  else members.set(instance, { turn, vote: vote ? generation : undefined, until: now + lease })
  return { ...record, members }
}

const decided = (record: SharedRecord, request: BreakerExchange, now: number): SharedRecord => {
  const { prober, reopenings, state, until } = record
  const mine = state === "half-open" && prober === request.instance
  switch (request.action) {
    case "isolate": return state === "isolated" ? record : moved(record, "isolated", "isolated")
    case "restore": return moved(record, "closed", "restored")
    case "leave": return mine ? { ...record, until: now } : record
    case "succeeded": return mine ? moved(record, "closed", "probes-succeeded") : record
    case "failed": return mine
      ? { ...moved(record, "open", "probe-failed"), reopenings: reopenings + 1, until: now + openTime(request, reopenings + 1) }
      : record
    case "probe": {
      if (state !== "open" && state !== "half-open") return record
      if (until <= now) return { ...moved(record, "half-open", "open-over"), reopenings, until: now + request.lease, prober: request.instance }
      return mine ? { ...record, until: now + request.lease } : record
    }
    case "none": return request.vote && state === "closed" && carried(record, request, now)
      ? { ...moved(record, "open", "votes"), until: now + openTime(request, 0) }
      : record
  }
}

/** Whether the votes are enough: of one process that is alone its own, of more at least `minimumVotes` of them. */
const carried = ({ generation, members }: SharedRecord, { minimumVotes, quorum }: BreakerExchange, now: number): boolean => {
  let live = 0
  let votes = 0
  for (const { until, vote } of members.values()) {
    if (until <= now) continue
    live++
    if (vote === generation) votes++
  }
  return votes > 0 && votes >= Math.min(minimumVotes, live) && votes / live >= quorum
}

const moved = ({ generation, members }: SharedRecord, state: SharedRecord["state"], reason: SharedReason): SharedRecord =>
  ({ state, generation: generation + 1, reason, reopenings: 0, until: 0, prober: undefined, members })
