/** What our figures are held to. */
import { grouped } from "../harness/tables.ts"
import type { Result } from "../harness/suite.ts"
import { peers, type SubjectName } from "./subjects.ts"

type Results = ReadonlyArray<Pick<Result, "case" | "subject" | "median">>

export interface Bound {
  readonly case: string
  /** What is asked, in words for the reader of the table. */
  readonly asked: string
  /** Our figure, or our part of another one; undefined when it was not measured. */
  readonly measured: (results: Results) => number | undefined
  readonly holds: (value: number) => boolean
  readonly shown: (value: number) => string
}

export interface Verdict {
  readonly case: string
  readonly asked: string
  readonly measured: string
  readonly verdict: "met" | "not met" | "not measured"
}

const medianOf = (results: Results, name: string, subject: SubjectName): number | undefined =>
  results.find((result) => result.case === name && result.subject === subject)?.median

const ratio = (own: number | undefined, other: number | undefined): number | undefined =>
  own === undefined || other === undefined ? undefined : own / other

const perSecond = (value: number): string => `${grouped(value)}/s`
const times = (value: number): string => `${value.toFixed(2)}x`

const rate = (name: string, least: number): Bound => ({
  case: name, asked: `at least ${perSecond(least)}`,
  measured: (results) => medianOf(results, name, "outrigger"), holds: (value) => value >= least, shown: perSecond
})

const latency = (name: string, below: number): Bound => ({
  case: name, asked: `under ${below} ms`,
  measured: (results) => medianOf(results, name, "outrigger"), holds: (value) => value < below, shown: (value) => `${value.toFixed(2)} ms`
})

const timesOf = (name: string, subject: SubjectName, least: number): Bound => ({
  case: name, asked: `at least ${least} x ${subject}`,
  measured: (results) => ratio(medianOf(results, name, "outrigger"), medianOf(results, name, subject)), holds: (value) => value >= least, shown: times
})

const timesBestPeer = (name: string, least: number): Bound => ({
  case: name, asked: `at least ${least} x the best peer`,
  measured: (results) => {
    const found = peers.flatMap((peer) => medianOf(results, name, peer) ?? [])
    return found.length === 0 ? undefined : ratio(medianOf(results, name, "outrigger"), Math.max(...found))
  },
  holds: (value) => value >= least, shown: times
})

/** The case whose rate others are shown as a share of. */
export const baseline = "drain-20000"
/** Those others. */
export const shares: ReadonlyArray<string> = ["drain-million-waiting", "drain-snapshot-held"]

/** A rate as a part of the same subject's rate with 20,000 waiting. */
export const shareOf = (results: Results, name: string, subject: SubjectName): number | undefined =>
  ratio(medianOf(results, name, subject), medianOf(results, baseline, subject))

const share = (name: string, least: number): Bound => ({
  case: name, asked: `at least ${least * 100} % of ${baseline}`,
  measured: (results) => shareOf(results, name, "outrigger"), holds: (value) => value >= least, shown: (value) => `${(value * 100).toFixed(0)} %`
})

export const bounds: ReadonlyArray<Bound> = [
  rate("drain", 50_000),
  timesOf("drain", "graphile-worker tuned", 3),
  timesOf("drain", "raw", 0.7),
  rate("bulk-enqueue", 100_000),
  timesBestPeer("bulk-enqueue", 2.5),
  rate("single-enqueue-50", 25_000),
  timesOf("single-enqueue-50", "pg-boss", 20),
  latency("start-latency-p50", 5),
  latency("start-latency-p99", 10),
  ...shares.map((name) => share(name, 0.8))
]

export const judge = (results: Results): ReadonlyArray<Verdict> => bounds.map(({ asked, case: name, holds, measured, shown }) => {
  const value = measured(results)
  if (value === undefined) return { case: name, asked, measured: "", verdict: "not measured" }
  return { case: name, asked, measured: shown(value), verdict: holds(value) ? "met" : "not met" }
})
