/**
 * Plays a policy against a dependency that goes wrong, on virtual time: what callers would see, and what the dependency would.
 *
 *   callers -> Call (the engine's own) -> Plant -> settle          arrivals, work and timers are events of one queue
 *      ^                                             |
 *      +--- come again, when they were not served ---+
 *
 * Everything that decides is the real engine: `Dependency`, `Call`, `Timers`. Made up are time, chance, the callers and the
 * dependency, and all of them follow from the seed.
 */
import type { Attempt } from "../call/attempt.ts"
import { Call } from "../call/call.ts"
import { Dependency } from "../dependency.ts"
import type { PolicyOptions } from "../options.ts"
import { Reader } from "../options/reader.ts"
import { type TimerHandle, type TimerPort, Timers } from "../time/timers.ts"
import { EventQueue, Scheduled } from "./eventQueue.ts"
import { Arrivals } from "./load.ts"
import { type LivePolicy, readSimulation, type SimulationOptions, type SimulationSettings } from "./options.ts"
import { Plant } from "./plant.ts"
import { exponential, randomOf } from "./random.ts"
import { recoveryOf, type Rejection, type SimulationResult } from "./result.ts"
import { type Ending, Tally } from "./tally.ts"

const mostAttempts = 20_000_000

/** One call, from the side of its caller. */
class SimulatedCall extends Call {
  private readonly simulation: Simulation
  private readonly began: number
  /** How often its caller may come again. */
  private readonly chances: number
  private patience: TimerHandle | null = null

  constructor(simulation: Simulation, dependency: Dependency, chances: number) {
    super(dependency, dependency.currentLanes, undefined)
    this.simulation = simulation
    this.began = simulation.queue.now
    this.chances = chances
  }

  begin(patience: number): void {
    if (patience < Infinity) this.patience = this.lanes.timers.port.at(patience, () => this.giveUp())
    this.start(Infinity)
  }

  private giveUp(): void {
    this.abort(undefined)
    this.simulation.ended(this.began, this.chances, "gaveUp")
  }

  protected override run(attempt: Attempt): void {
    this.simulation.attempted()
    this.simulation.plant.request(this, attempt)
  }

  protected override stop(attempt: Attempt, reason: unknown): void {
    this.simulation.plant.leave(attempt)
    this.settle(attempt, false, reason, reason)
  }

  protected override done(ok: boolean, value: unknown, raw: unknown): void {
    this.patience?.cancel()
    const tag = raw === undefined ? (value as { readonly _tag?: Rejection | "CallTimeoutError" })._tag : undefined
    if (tag === undefined || tag === "CallTimeoutError") this.simulation.ended(this.began, this.chances, ok ? "succeeded" : "failed")
    else this.simulation.rejected(this.began, this.chances, tag)
  }
}

class Simulation {
  readonly queue = new EventQueue()
  readonly plant: Plant
  private readonly settings: SimulationSettings
  private readonly tally = new Tally()
  private readonly clients: ReadonlyArray<Dependency>
  private readonly arrivals: Arrivals
  private readonly arriving: () => number
  private readonly comingAgain: () => number
  private readonly port: TimerPort
  private attempts = 0

  constructor(settings: SimulationSettings, makeClient: (timers: Timers) => Dependency) {
    const { load, plant, seed } = settings
    this.settings = settings
    this.arrivals = new Arrivals(load.pieces)
    this.arriving = randomOf(seed, 0)
    this.comingAgain = randomOf(seed, 1)
    this.plant = new Plant(plant, this.queue, randomOf(seed, 2))
    this.port = this.queue.port(randomOf(seed, 3))
    const timers = new Timers(this.port)
    this.clients = Array.from({ length: load.clients }, () => makeClient(timers))
  }

  play(): SimulationResult {
    const { bucket, duration, name, plant, seed } = this.settings
    this.expectNext(new Arrival(this))
    for (let at = 0; at < duration; at += bucket) {
      const wasted = this.plant.counts.wasted
      this.queue.runUntil(at + bucket)
      this.tally.turn(at, {
        wasted: this.plant.counts.wasted - wasted,
        queued: this.plant.queued,
        busy: this.plant.busy,
        breakersOpen: this.clients.filter(({ breaker }) => breaker !== null && breaker.state.tag !== "closed").length
      })
    }
    const { buckets } = this.tally
    const faults = plant.faults.map(({ from, kind, label, to }) => ({ kind, label, from, to }))
    const sum = (count: "retries" | "hedges" | "openings") => this.clients.reduce((total, { statistics }) => total + statistics[count], 0)
    return {
      name, seed, duration, bucket, faults, buckets,
      capacity: plant.workers * 1000 / plant.service.mean,
      totals: {
        ...this.tally.totals(duration),
        retries: sum("retries"),
        hedges: sum("hedges"),
        openings: sum("openings"),
        requests: { ...this.plant.counts },
        recovery: recoveryOf(buckets, faults, duration)
      }
    }
  }

  expectNext(arrival: Arrival): void {
    const at = this.arrivals.next(this.settings.load.arrivals === "even" ? 1 : exponential(this.arriving))
    if (at < Infinity) this.queue.add(arrival, at - this.queue.now)
  }

  /** Somebody comes for the first time. */
  arrive(): void {
    const { clients, tally } = this
    const client = clients[tally.callers++ % clients.length]!
    this.call(client, this.settings.load.comeAgain?.times ?? 0)
  }

  private call(client: Dependency, chances: number): void {
    this.tally.offered()
    new SimulatedCall(this, client, chances).begin(this.settings.load.patience)
  }

  attempted(): void {
    this.tally.attempted()
    if (++this.attempts > mostAttempts) throw new RangeError(`simulate: more than ${mostAttempts} attempts: fewer retries, a smaller load, or a shorter time`)
  }

  ended(began: number, chances: number, how: Ending): void {
    this.tally.ended(how, this.queue.now - began)
    if (how !== "succeeded") this.perhapsAgain(chances)
  }

  rejected(began: number, chances: number, why: Rejection): void {
    this.tally.rejected(why, this.queue.now - began)
    this.perhapsAgain(chances)
  }

  private perhapsAgain(chances: number): void {
    const { comeAgain } = this.settings.load
    if (comeAgain === undefined || chances === 0 || this.comingAgain() >= comeAgain.share) return
    const client = this.clients[Math.floor(this.comingAgain() * this.clients.length)]!
    this.port.at(comeAgain.after * exponential(this.comingAgain), () => this.call(client, chances - 1))
  }
}

/** The next caller: one record that arrives again and again. */
class Arrival extends Scheduled {
  private readonly simulation: Simulation
  constructor(simulation: Simulation) {
    super()
    this.simulation = simulation
  }

  happen(): void {
    this.simulation.expectNext(this)
    this.simulation.arrive()
  }
}

const nameOf = (policy: PolicyOptions<unknown> | LivePolicy<unknown>): string => "options" in policy ? policy.name : "policy"

/** The options of a live policy at this moment, or those that are given. What it shares it plays alone: no store is asked. */
export const optionsOf = (policy: PolicyOptions<unknown> | LivePolicy<unknown>): PolicyOptions<unknown> => {
  const options = "options" in policy ? policy.options : policy
  if (!options.rateLimit || options.rateLimit.shared === undefined) return options
  const { processes: _, shared: __, ...rateLimit } = options.rateLimit
  return { ...options, rateLimit }
}

/**
 * The engine of both faces' `simulate`. `millisOf` reads the durations of the face. Throws `InvalidPolicyOption` for options of
 * the policy or the simulation that make no sense, and `RangeError` when more attempts come about than can be played.
 */
export const simulate = (
  policy: PolicyOptions<unknown> | LivePolicy<unknown>, options: SimulationOptions<unknown>, millisOf?: (duration: unknown) => number
): SimulationResult => {
  const settings = readSimulation(new Reader("simulation", millisOf), options, nameOf(policy))
  const own = optionsOf(policy)
  return new Simulation(settings, (timers) => new Dependency(nameOf(policy), own, timers, millisOf)).play()
}
