/** What is played, as people write it. Whatever makes no sense, or would not end within a minute or so, is refused. */
import type { DurationInput } from "../time/duration.ts"
import type { PolicyOptions } from "../options.ts"
import type { Reader } from "../options/reader.ts"
import { expected, type LoadOptions, type LoadSettings, readLoad } from "./load.ts"
import { type DependencyModel, type PlantSettings, readPlant } from "./model.ts"

/** What is played. Durations are milliseconds or words. */
export interface SimulationOptions<D = DurationInput> {
  readonly load: LoadOptions<D>
  readonly dependency: DependencyModel<D>
  /** Of virtual time; a whole number of buckets. */
  readonly duration: D
  /** How fine the series is; "1 second" unless said. */
  readonly bucket?: D | undefined
  /** The same seed gives the same bytes; 1 unless said. */
  readonly seed?: number | undefined
  /** Shown beside the result: the policy's own name, or "policy", unless said. */
  readonly name?: string | undefined
}

/** A policy at work, such as an `Api`: its options of this moment are played, and nothing of it is touched. */
export interface LivePolicy<D = DurationInput> {
  readonly name: string
  readonly options: PolicyOptions<D>
}

export interface SimulationSettings {
  readonly name: string
  readonly load: LoadSettings
  readonly plant: PlantSettings
  readonly duration: number
  readonly bucket: number
  readonly seed: number
}

const mostCalls = 10_000_000
const mostBuckets = 100_000

export const readSimulation = (read: Reader, options: SimulationOptions<unknown>, policyName: string): SimulationSettings => {
  read.known("", options, ["load", "dependency", "duration", "bucket", "seed", "name"])
  const bucket = options.bucket === undefined ? 1000 : read.millis("bucket", options.bucket)
  const duration = read.millis("duration", options.duration)
  if (!Number.isInteger(duration / bucket) || duration / bucket > mostBuckets) {
    read.refuse("duration", options.duration, `a whole number of buckets of ${bucket} ms, at most ${mostBuckets} of them`)
  }
  const load = readLoad(read, options.load, duration)
  const calls = expected(load.pieces, duration)
  if (calls > mostCalls) read.refuse("load.perSecond", options.load.perSecond, `at most ${mostCalls} callers in all, not ${Math.round(calls)}: fewer, or for a shorter time`)
  const seed = read.whole("seed", options.seed ?? 1, 0)
  const { name = policyName } = options
  if (typeof name !== "string") read.refuse("name", name, "a text")
  return { name, load, plant: readPlant(read, options.dependency), duration, bucket, seed }
}
