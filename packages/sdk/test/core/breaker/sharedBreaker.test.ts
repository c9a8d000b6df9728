import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Breaker, type BreakerSettings, type Ticket } from "../../../src/core/breaker/breaker.ts"
import {
  type BreakerExchange, type BreakerSharing, type BreakerStore, breakerStore, memoryBreakerStore, type SharedBreakerState
} from "../../../src/core/breaker/breakerStore.ts"
import { SharedBreaker } from "../../../src/core/breaker/sharedBreaker.ts"
import type { TimerPort } from "../../../src/core/time/timers.ts"
import { turn, VirtualPort } from "../../support/virtual.ts"

const hour = 3_600_000
const settings: BreakerSettings = { failures: 3, openFor: 10_000, halfOpenCalls: 1, probeLease: 10_000 }

/** How the way to the store is. */
type Line = "up" | "down" | "hangs" | "slow" | "deaf"

/** A process: its own clock, its own way to the store, and calls that come now and then. */
class Process {
  readonly breaker: Breaker
  readonly shared: SharedBreaker
  readonly warnings: Array<string> = []
  readonly asked: Array<BreakerExchange> = []
  /** Whether it ever could not reach the store. */
  cut = false
  /** Whether a call of this process would succeed. */
  well = true
  dead = false
  calls = 0
  private readonly port: TimerPort
  private way: Line = "up"
  private hung: Array<(reason: Error) => void> = []

  constructor(world: World, n: number, options: Partial<BreakerSettings>, sharing: Partial<BreakerSharing>) {
    const { port } = world
    const offset = (n - 1) * hour
    this.port = {
      now: () => port.now() + offset, epoch: () => port.epoch() - offset, random: world.chance,
      at: (delay, fire) => port.at(delay, () => {
        if (!this.dead) fire()
      })
    }
    this.breaker = new Breaker({ ...settings, ...options }, (from, to) => this.shared.moved(from, to))
    this.shared = new SharedBreaker({
      breaker: this.breaker, name: "payments", port: this.port, calls: () => this.calls, warn: (line) => this.warnings.push(line),
      sharing: { store: this.store(world), quorum: 0.5, minimumVotes: 2, interval: 1000, lease: 5000, ...sharing }
    })
  }

  get line(): Line {
    return this.way
  }

  set line(line: Line) {
    this.way = line
    this.cut ||= line !== "up" && line !== "slow"
  }

  /** As the network would: what hung fails. */
  mend(): void {
    this.line = "up"
    for (const reject of this.hung) reject(new Error("reset"))
    this.hung = []
  }

  /** `deaf`: what it says arrives, what it is told does not. `slow`: both take 400 ms. */
  private store({ port, store }: World): BreakerStore {
    const wait = (millis: number) => new Promise<void>((resolve) => port.at(millis, resolve))
    return breakerStore({
      exchange: async (requests) => {
        this.asked.push(...requests)
        if (this.line === "down") throw new Error("connection refused")
        const hang = () => new Promise<never>((_, reject) => this.hung.push(reject))
        if (this.line === "hangs") return hang()
        if (this.line === "deaf") return store.exchange(requests).then(hang)
        if (this.line === "up") return store.exchange(requests)
        await wait(400)
        const answers = await store.exchange(requests)
        return wait(400).then(() => answers)
      }
    })
  }

  /** One call, over at once: undefined when it was rejected. */
  call(): boolean | undefined {
    this.calls++
    const ticket: Ticket = { generation: 0, probe: 0 }
    if (!this.breaker.admit(ticket, this.port.now())) return undefined
    this.breaker.settled(ticket, this.well ? "success" : "failure", this.port.now)
    return this.well
  }

  /** A call that does not come back. */
  hang(): boolean {
    this.calls++
    return this.breaker.admit({ generation: 0, probe: 0 }, this.port.now())
  }

  fail(): void {
    const { well } = this
    this.well = false
    for (let n = 0; n < settings.failures; n++) this.call()
    this.well = well
  }

  get state(): string {
    return this.breaker.state.tag
  }
}

/** Processes whose clocks are hours apart, and a store with a clock of its own. */
class World {
  readonly port = new VirtualPort()
  readonly store: BreakerStore = memoryBreakerStore(() => this.port.now() + 7 * hour)
  readonly processes: ReadonlyArray<Process>
  private seed: number
  readonly chance = () => (this.seed = (this.seed * 48_271) % 2_147_483_647) / 2_147_483_647

  constructor(count: number, { seed = 1, settings = {}, sharing = {} }: { readonly seed?: number; readonly settings?: Partial<BreakerSettings>; readonly sharing?: Partial<BreakerSharing> } = {}) {
    this.seed = seed
    this.processes = Array.from({ length: count }, (_, n) => new Process(this, n, settings, sharing))
  }

  async pass(millis: number): Promise<void> {
    await this.port.pass(millis)
    for (let n = 0; n < 3; n++) await turn()
  }

  /** Time goes by, and every process that lives has a call each 200 ms. */
  async busy(millis: number, each?: () => void): Promise<void> {
    for (let n = 0; n < millis; n += 200) {
      for (const one of this.processes) if (!one.dead) one.call()
      await this.pass(200)
      each?.()
    }
  }

  get states(): ReadonlyArray<string> {
    return this.processes.map(({ state }) => state)
  }

  /** What the store says, to nobody in particular. */
  async look(): Promise<SharedBreakerState> {
    const [answer] = await this.store.exchange([{
      name: "payments", key: "", instance: "nobody", turn: 1, generation: -1, vote: false, action: "none", lease: 0, quorum: 1, minimumVotes: 1, openFor: 1
    }])
    return answer!
  }

  set well(yes: boolean) {
    for (const one of this.processes) one.well = yes
  }
}

describe("a breaker that processes share", () => {
  it("opens a process at once, and the store hears of it without waiting for the interval", async () => {
    const world = new World(1)
    await world.busy(3000)
    world.processes[0]!.fail()
    assert.strictEqual(world.processes[0]!.state, "open")
    await world.pass(0)
    assert.strictEqual((await world.look()).state, "open")
  })

  it("one sick process opens only itself, and finds out by itself when it is well", async () => {
    const world = new World(4)
    await world.busy(3000)
    const [sick, ...others] = world.processes
    sick!.well = false
    await world.busy(30_000, () => assert.deepStrictEqual(others.map(({ state }) => state), ["closed", "closed", "closed"]))
    assert.strictEqual(sick!.state, "open")
    sick!.well = true
    await world.busy(11_000)
    assert.strictEqual(sick!.state, "closed")
    assert.strictEqual((await world.look()).generation, 0)
  })

  it("what opens most of them opens all within the interval", async () => {
    const world = new World(5)
    await world.busy(3000)
    for (const one of world.processes.slice(0, 3)) one.fail()
    await world.busy(1000)
    assert.deepStrictEqual(world.states, ["open", "open", "open", "open", "open"])
    assert.deepInclude(await world.look(), { state: "open", generation: 1, reason: "votes" })
  })

  it("when openFor is over one probes, by one call, and its success closes all within the interval", async () => {
    const world = new World(5)
    await world.busy(3000)
    for (const one of world.processes) one.fail()
    let probes = 0
    const before = world.processes.map(({ calls }) => calls)
    await world.busy(9800, () => assert.isTrue(world.processes.every(({ state }) => state === "open")))
    for (let n = 0; n < 12; n++) {
      for (const one of world.processes) if (one.state !== "closed" && one.call() !== undefined) probes++
      await world.pass(200)
    }
    assert.strictEqual(probes, 1)
    assert.deepStrictEqual(world.states, ["closed", "closed", "closed", "closed", "closed"])
    assert.deepInclude(await world.look(), { state: "closed", generation: 3, reason: "probes-succeeded" })
    assert.isTrue(world.processes.every(({ calls }, n) => calls > before[n]!))
  })

  it("its failure opens for all again, for longer where openFor grows", async () => {
    const world = new World(3, { settings: { growth: { factor: 4, max: 60_000 } } })
    await world.busy(3000)
    world.well = false
    await world.busy(14_000)
    const { left, reopenings } = await world.look()
    assert.strictEqual(reopenings, 1)
    assert.isAbove(left, 35_000)
    world.well = true
    await world.busy(30_000)
    assert.deepStrictEqual(world.states, ["open", "open", "open"])
    await world.busy(14_000)
    assert.deepStrictEqual(world.states, ["closed", "closed", "closed"])
  })

  it("as many calls probe as halfOpenCalls says, all of one process", async () => {
    const world = new World(3, { settings: { halfOpenCalls: 3 } })
    await world.busy(3000)
    for (const one of world.processes) one.fail()
    await world.busy(10_000)
    const [prober, ...more] = world.processes.filter(({ shared }) => shared.probing)
    if (prober === undefined) await world.busy(1000)
    assert.strictEqual(more.length, 0)
    await world.busy(2000)
    assert.deepStrictEqual(world.states, ["closed", "closed", "closed"])
  })

  it("who dies with the lease is followed by another, a lease later", async () => {
    const world = new World(3)
    await world.busy(3000)
    for (const one of world.processes) one.fail()
    await world.pass(10_000)
    let prober: Process | undefined
    while (prober === undefined) {
      for (const one of world.processes) if (!one.shared.probing) one.hang()
      await world.pass(100)
      prober = world.processes.find(({ shared }) => shared.probing)
    }
    prober.dead = true
    await world.busy(4000)
    assert.isTrue(world.processes.every((one) => one === prober || one.state === "open"))
    await world.busy(2600)
    assert.isTrue(world.processes.every((one) => one === prober || one.state === "closed"))
  })

  it("a probe that takes long keeps the lease", async () => {
    const world = new World(2, { settings: { probeLease: 60_000 } })
    await world.busy(3000)
    for (const one of world.processes) one.fail()
    await world.pass(9000)
    const isProbe = () => world.processes.find((one) => one.shared.probing)
    while (isProbe() === undefined) {
      for (const one of world.processes) one.hang()
      await world.pass(100)
    }
    const prober = isProbe()!
    while (!prober.hang()) await world.pass(100)
    const { generation } = await world.look()
    await world.busy(20_000)
    assert.isTrue(prober.shared.probing)
    assert.strictEqual((await world.look()).generation, generation)
  })

  it("who has no calls leaves the lease to another", async () => {
    const world = new World(2)
    await world.busy(3000)
    for (const one of world.processes) one.fail()
    const [quiet, other] = world.processes
    await world.pass(9500)
    while (!quiet!.shared.probing) {
      quiet!.calls++
      await world.pass(100)
    }
    for (let n = 0; n < 42; n++) {
      other!.call()
      await world.pass(200)
    }
    assert.deepStrictEqual(world.states, ["closed", "closed"])
  })

  it("who is cut off with the lease stops before another begins, also when it heard of the lease late", async () => {
    for (const line of ["up", "slow"] as const) {
      const world = new World(9)
      await world.busy(3000)
      for (const one of world.processes) one.fail()
      const [prober, ...others] = world.processes
      await world.pass(9000)
      prober!.line = line
      while (!prober!.shared.probing) {
        prober!.calls++
        await world.pass(100)
      }
      prober!.line = "down"
      let next: Process | undefined
      while (next === undefined) {
        for (const one of others) one.hang()
        await world.pass(10)
        next = others.find(({ shared }) => shared.probing)
      }
      assert.isFalse(prober!.shared.probing)
      assert.strictEqual(prober!.state, "open")
    }
  })

  it("is followed in every outage, not only the first", async () => {
    const world = new World(3)
    await world.busy(3000)
    for (let n = 1; n <= 3; n++) {
      world.well = false
      await world.busy(3000)
      assert.deepStrictEqual(world.states, ["open", "open", "open"])
      assert.deepInclude(await world.look(), { state: "open", generation: 3 * n - 2 })
      world.well = true
      await world.busy(12_000)
      assert.deepStrictEqual(world.states, ["closed", "closed", "closed"])
    }
  })

  it("a verdict stands here at once, whatever older answers are still on their way", async () => {
    for (const well of [true, false]) {
      const world = new World(2)
      await world.busy(3000)
      for (const one of world.processes) one.fail()
      const [prober] = world.processes
      prober!.line = "slow"
      await world.pass(9000)
      while (!prober!.shared.probing) {
        prober!.calls++
        await world.pass(50)
      }
      const asked = prober!.asked.length
      while (prober!.asked.length === asked) {
        prober!.calls++
        await world.pass(50)
      }
      prober!.well = well
      assert.strictEqual(prober!.call(), well)
      for (let n = 0; n < 40; n++) {
        assert.strictEqual(prober!.state, well ? "closed" : "open")
        await world.pass(50)
      }
      assert.strictEqual((await world.look()).state, well ? "closed" : "open")
    }
  })

  it("a vote that was of the generation before is told again at once", async () => {
    const world = new World(4)
    await world.busy(3000)
    const [cut] = world.processes
    cut!.line = "down"
    world.well = false
    await world.busy(3000)
    world.well = true
    await world.busy(15_000)
    const { generation } = await world.look()
    cut!.fail()
    cut!.line = "up"
    while (!cut!.shared.connected) await world.pass(10)
    await world.pass(0)
    assert.deepStrictEqual(cut!.asked.slice(-2).map(({ generation, vote }) => [generation, vote]), [[0, true], [generation, true]])
  })

  it("a process that starts while it is open hears of it before its first call", async () => {
    const world = new World(2)
    await world.busy(2000)
    for (const one of world.processes) one.fail()
    await world.pass(10)
    const late = new Process(world, 5, {}, {})
    await world.pass(10)
    assert.strictEqual(late.state, "open")
  })

  it("lets the load come back bit by bit everywhere", async () => {
    const world = new World(2, { settings: { rampUp: 60_000 } })
    await world.busy(3000)
    for (const one of world.processes) one.fail()
    await world.busy(13_000)
    assert.deepStrictEqual(world.states, ["closed", "closed"])
    for (const { breaker } of world.processes) assert.isAbove(breaker.snapshot(world.port.now()).state === "closed" ? 1 : 0, 0)
    assert.isTrue(world.processes.every(({ breaker }) => breaker.gated))
  })

  it("a disabled breaker has no say, follows no opening, and is isolated by hand with all", async () => {
    const world = new World(2, { settings: { disabled: true } })
    await world.busy(2000)
    assert.isTrue(world.processes.every(({ asked }) => asked.every(({ lease }) => lease === 0)))
    world.processes[0]!.breaker.isolate()
    await world.busy(1200)
    assert.deepStrictEqual(world.states, ["isolated", "isolated"])
  })
})

describe("by hand", () => {
  it("an isolation reaches all within the interval, and so does its end", async () => {
    const world = new World(3)
    await world.busy(2000)
    world.processes[0]!.breaker.isolate()
    assert.strictEqual(world.processes[0]!.state, "isolated")
    await world.busy(1000)
    assert.deepStrictEqual(world.states, ["isolated", "isolated", "isolated"])
    world.processes[2]!.breaker.restore()
    await world.busy(1000)
    assert.deepStrictEqual(world.states, ["closed", "closed", "closed"])
  })

  it("a restore also closes those that had opened by themselves", async () => {
    const world = new World(4)
    await world.busy(2000)
    const [sick, other] = world.processes
    sick!.fail()
    await world.busy(1000)
    other!.breaker.isolate()
    other!.breaker.restore()
    await world.busy(1000)
    assert.deepStrictEqual(world.states, ["closed", "closed", "closed", "closed"])
  })

  it("it holds at once while the store is down, and for all when it is back", async () => {
    const world = new World(2)
    await world.busy(2000)
    const [cut, other] = world.processes
    cut!.line = "down"
    await world.busy(2000)
    cut!.breaker.isolate()
    await world.busy(2000)
    assert.deepStrictEqual(world.states, ["isolated", "closed"])
    cut!.line = "up"
    await world.busy(32_000)
    assert.deepStrictEqual(world.states, ["isolated", "isolated"])
    assert.isEmpty(other!.warnings)
  })

  it("it is asked again until it is done, also when others moved meanwhile", async () => {
    const world = new World(3)
    await world.busy(2000)
    for (const one of world.processes) one.line = "slow"
    await world.busy(1500)
    for (const one of world.processes) one.fail()
    world.processes[0]!.breaker.isolate()
    await world.busy(8000, () => assert.strictEqual(world.processes[0]!.state, "isolated"))
    assert.deepStrictEqual(world.states, ["isolated", "isolated", "isolated"])
  })
})

describe("without the store", () => {
  for (const line of ["down", "hangs", "deaf"] as const) {
    it(`each process goes by its own breaker while it ${line === "hangs" ? line : `is ${line}`}, warns once a minute, and joins again`, async () => {
      const world = new World(3)
      await world.busy(2000)
      for (const one of world.processes) one.line = line
      const [sick, ...others] = world.processes
      sick!.well = false
      await world.busy(100_000, () => assert.isTrue(others.every(({ state }) => state === "closed")))
      assert.strictEqual(sick!.state, "open")
      assert.deepStrictEqual(world.processes.map(({ warnings }) => warnings.length), [2, 2, 2])
      assert.match(sick!.warnings[0]!, line === "down" ? /the store cannot be reached.*\(connection refused\)/ : /the store cannot be reached.*\(no answer within 1s\)/)
      assert.isFalse(sick!.shared.connected)
      sick!.well = true
      for (const one of world.processes) one.line = "up"
      await world.busy(line === "down" ? 32_000 : 302_000)
      assert.deepStrictEqual(world.processes.map(({ shared }) => shared.connected), [true, true, true])
      assert.deepStrictEqual(world.states, ["closed", "closed", "closed"])
      for (const one of others) one.fail()
      await world.busy(1000)
      assert.deepStrictEqual(world.states, ["open", "open", "open"])
    })
  }

  it("asks less and less often, and of exchanges that hang there are at most two in five minutes", async () => {
    const world = new World(1)
    const [one] = world.processes
    one!.line = "hangs"
    await world.busy(290_000)
    assert.strictEqual(one!.asked.length, 2)
    await world.busy(320_000)
    assert.strictEqual(one!.asked.length, 4)
    const other = new World(1)
    other.processes[0]!.line = "down"
    await other.busy(300_000)
    assert.isTrue(other.processes[0]!.asked.length > 8 && other.processes[0]!.asked.length < 25)
  })

  it("an opening that all share ends by itself in a process that was cut off, and it follows again when it is back", async () => {
    const world = new World(3)
    await world.busy(2000)
    world.well = false
    await world.busy(2000)
    const [cut, ...others] = world.processes
    cut!.line = "down"
    cut!.well = true
    await world.busy(14_000)
    assert.strictEqual(cut!.state, "closed")
    assert.isTrue(others.every(({ state }) => state !== "closed"))
    cut!.line = "up"
    await world.busy(30_000)
    assert.notStrictEqual(cut!.state, "isolated")
    assert.isTrue(cut!.shared.connected)
    world.well = true
    await world.busy(30_000)
    assert.deepStrictEqual(world.states, ["closed", "closed", "closed"])
  })

  it("an opening of its own while it was cut off stays its own when it is back", async () => {
    const world = new World(4)
    await world.busy(2000)
    world.well = false
    await world.busy(2000)
    const [cut, ...others] = world.processes
    cut!.line = "down"
    world.well = true
    await world.busy(18_000)
    assert.deepStrictEqual(world.states, ["closed", "closed", "closed", "closed"])
    cut!.well = false
    await world.busy(1000)
    cut!.line = "up"
    await world.busy(40_000, () => assert.notStrictEqual(cut!.state, "closed"))
    assert.isTrue(cut!.shared.connected)
    assert.isTrue(others.every(({ state }) => state === "closed"))
  })

  it("processes do not come back all at once", async () => {
    const world = new World(20)
    await world.busy(2000)
    for (const one of world.processes) one.line = "down"
    await world.busy(60_000)
    for (const one of world.processes) {
      one.line = "up"
      one.asked.length = 0
    }
    let most = 0
    for (let n = 0; n < 160; n++) {
      const before = world.processes.filter(({ asked }) => asked.length > 0).length
      await world.busy(200)
      most = Math.max(most, world.processes.filter(({ asked }) => asked.length > 0).length - before)
    }
    assert.isTrue(world.processes.every(({ shared }) => shared.connected))
    assert.isAtMost(most, 6)
  })

  it("an answer that makes no sense is none", async () => {
    const port = new VirtualPort()
    const warnings: Array<string> = []
    const breaker = new Breaker(settings, () => {})
    const wrong = { state: "ajar", generation: 0, reason: undefined, reopenings: 0, left: 0, probing: false } as unknown as SharedBreakerState
    const store = breakerStore({ exchange: async (requests) => requests.map(() => wrong) })
    const sharing = { store, quorum: 0.5, minimumVotes: 2, interval: 1000, lease: 5000 }
    const shared = new SharedBreaker({ breaker, name: "x", port, calls: () => 0, warn: (line) => warnings.push(line), sharing })
    await port.pass(1)
    assert.match(warnings[0]!, /makes no sense/)
    assert.isFalse(shared.connected)
    assert.strictEqual(breaker.state.tag, "closed")
  })
})

/** A store whose answers are written by hand, each after a while. */
const scripted = (delay: number) => {
  const port = new VirtualPort()
  const say = { state: "closed", generation: 0, reason: undefined, reopenings: 0, left: 0, probing: false } as SharedBreakerState
  const script = { say, asked: new Array<BreakerExchange>() }
  const store = breakerStore({
    exchange: (requests) => {
      script.asked.push(...requests)
      const answers = requests.map(() => script.say)
      return new Promise((resolve) => port.at(delay, () => resolve(answers)))
    }
  })
  let calls = 0
  const breaker: Breaker = new Breaker(settings, (from, to) => shared.moved(from, to))
  const shared: SharedBreaker = new SharedBreaker({
    breaker, name: "x", port, calls: () => calls++, warn: () => {}, sharing: { store, quorum: 0.5, minimumVotes: 2, interval: 1000, lease: 5000 }
  })
  return { port, script, breaker, shared }
}

describe("answers that take long", () => {
  it("a lease counts from before it was asked for", async () => {
    const { breaker, port, script, shared } = scripted(400)
    script.say = { ...script.say, state: "half-open", generation: 2, left: 5000, probing: true }
    await port.pass(400)
    assert.deepStrictEqual([shared.probing, breaker.state.tag], [true, "half-open"])
    script.say = { ...script.say, state: "ajar" as "open" } // nothing more is heard
    await port.pass(4599)
    assert.isTrue(shared.probing)
    await port.pass(1)
    assert.deepStrictEqual([shared.probing, breaker.state.tag], [false, "open"])
  })

  it("a lease that was over when the answer came is none", async () => {
    const { breaker, port, script, shared } = scripted(400)
    script.say = { ...script.say, state: "half-open", generation: 2, left: 400, probing: true }
    await port.pass(400)
    assert.deepStrictEqual([shared.probing, breaker.state.tag], [false, "open"])
  })

  it("what was done by hand meanwhile is not undone by them", async () => {
    const { breaker, port, script } = scripted(400)
    script.say = { ...script.say, state: "open", generation: 1, left: 5000 }
    await port.pass(200)
    breaker.isolate()
    await port.pass(300)
    assert.strictEqual(breaker.state.tag, "isolated")
    assert.deepInclude(script.asked.at(-1), { action: "isolate", generation: 1 })
    script.say = { ...script.say, state: "isolated", generation: 2, left: 0 }
    await port.pass(2000)
    assert.deepInclude(script.asked.at(-1), { action: "none", generation: 2 })
    assert.strictEqual(breaker.state.tag, "isolated")
  })

  it("a verdict that is void by then is dropped", async () => {
    const { breaker, port, script, shared } = scripted(100)
    script.say = { ...script.say, state: "half-open", generation: 2, left: 5000, probing: true }
    await port.pass(100)
    const ticket = { generation: 0, probe: 0 }
    assert.isTrue(breaker.admit(ticket, port.now()))
    breaker.settled(ticket, "success", port.now)
    assert.strictEqual(breaker.state.tag, "closed")
    script.say = { ...script.say, generation: 3, probing: false }
    await port.pass(300)
    assert.deepInclude(script.asked.find(({ action }) => action === "succeeded"), { generation: 2 })
    assert.deepStrictEqual([shared.following, breaker.state.tag], [true, "open"])
    await port.pass(1000)
    assert.notStrictEqual(script.asked.at(-1)!.action, "succeeded")
  })
})

describe("what it costs", () => {
  it("asks once an interval while calls come, and not at all while there are none", async () => {
    const world = new World(1)
    const [one] = world.processes
    await world.busy(60_000)
    assert.isTrue(one!.asked.length >= 58 && one!.asked.length <= 70)
    await world.pass(5000)
    one!.asked.length = 0
    await world.pass(600_000)
    assert.strictEqual(one!.asked.length, 0)
  })

  it("takes one round trip for all breakers of one store", async () => {
    const port = new VirtualPort()
    const memory = memoryBreakerStore(port.now)
    let trips = 0
    const store = breakerStore({ exchange: (requests) => (trips++, memory.exchange(requests)) })
    let calls = 0
    const sharing = { store, quorum: 0.5, minimumVotes: 2, interval: 1000, lease: 5000 }
    const all = Array.from({ length: 50 }, (_, n) =>
      new SharedBreaker({ breaker: new Breaker(settings, () => {}), name: `b${n}`, port, calls: () => calls, warn: () => {}, sharing }))
    await port.pass(0)
    assert.strictEqual(trips, 1)
    for (let n = 0; n < 10; n++) {
      calls++
      await port.pass(1000)
    }
    assert.isTrue(trips >= 10 && trips <= 12)
    await Promise.all(all.map((one) => one.close()))
  })

  it("close takes the vote back, stops, and keeps no timer", async () => {
    const world = new World(3)
    await world.busy(2000)
    const [leaving, b, c] = world.processes
    leaving!.fail()
    await world.pass(0)
    await leaving!.shared.close()
    leaving!.asked.length = 0
    b!.fail()
    for (let n = 0; n < 10; n++) {
      for (const one of [leaving!, b!, c!]) one.call()
      await world.pass(200)
    }
    assert.strictEqual(c!.state, "closed")
    assert.strictEqual(leaving!.asked.length, 0)
    await Promise.all([b!.shared.close(), c!.shared.close()])
    assert.strictEqual(world.port.waiting.length, 0)
  })

  it("close does not wait for a store that hangs longer than an exchange may take", async () => {
    const world = new World(1)
    await world.busy(2000)
    const [one] = world.processes
    one!.line = "hangs"
    let over = false
    void one!.shared.close().then(() => { over = true })
    await world.pass(2100)
    assert.isTrue(over)
  })
})

/** What happens to whom, and when. */
type Event =
  | { readonly type: "pass"; readonly millis: number }
  | { readonly type: "trouble" | "cure" | "call" | "hang" | "crash"; readonly who: number }
  | { readonly type: "line"; readonly who: number; readonly line: Line }
  | { readonly type: "outage"; readonly over: boolean }

const who = fc.nat(4)
const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("pass" as const), millis: fc.integer({ min: 1, max: 4000 }) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom("trouble" as const, "cure" as const, "call" as const, "hang" as const), who }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("outage" as const), over: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("line" as const), who, line: fc.constantFrom<Line>("up", "slow", "down", "hangs", "deaf") }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("crash" as const), who }) }
)

const happen = async (world: World, one: Event, check: () => void): Promise<void> => {
  switch (one.type) {
    case "pass": return one.millis % 3 === 0 ? world.pass(one.millis) : world.busy(one.millis, check)
    case "outage": {
      world.well = one.over
      return
    }
    case "line": {
      if (one.line === "up") world.processes[one.who]!.mend()
      else world.processes[one.who]!.line = one.line
      return
    }
    case "crash": {
      world.processes[one.who]!.dead = one.who > 1 // some are left
      return
    }
    case "call":
    case "hang": {
      if (!world.processes[one.who]!.dead) world.processes[one.who]![one.type]()
      return
    }
    case "trouble":
    case "cure": world.processes[one.who]!.well = one.type === "cure"
  }
}

describe("whatever happens", () => {
  it("at most one probes for all, nobody else who reaches the store is half-open while it is open for all, and all are closed once all are well", async () => {
    await fc.assert(fc.asyncProperty(fc.array(event, { maxLength: 40 }), fc.integer({ min: 1, max: 1e9 }), async (events, seed) => {
      const world = new World(5, { seed, settings: { openFor: 3000, probeLease: 2000 } })
      const check = () => {
        const living = world.processes.filter(({ dead }) => !dead)
        assert.isAtMost(living.filter(({ shared }) => shared.probing).length, 1)
        for (const { cut, shared, state } of living) if (!cut && shared.following && state === "half-open") assert.isTrue(shared.probing)
      }
      for (const one of events) {
        await happen(world, one, check)
        check()
      }
      for (const one of world.processes) one.mend()
      world.well = true
      await world.busy(60_000, check)
      for (const { dead, state } of world.processes) assert.isTrue(dead || state === "closed")
    }), { numRuns: 150 })
  }, 120_000)

  it("a quorum that has opened opens all others that have calls within the interval", async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 2, max: 7 }), fc.integer({ min: 0, max: 7 }), fc.integer({ min: 1, max: 1e9 }), async (count, sick, seed) => {
      const world = new World(count, { seed })
      await world.busy(2000)
      const affected = Math.min(sick, count)
      for (const one of world.processes.slice(0, affected)) one.fail()
      await world.busy(1000)
      const all = affected >= 2 && affected / count >= 0.5
      const expected = world.processes.map((_, n) => all || n < affected ? "open" : "closed")
      assert.deepStrictEqual(world.states, expected)
    }), { numRuns: 100 })
  }, 60_000)
})
