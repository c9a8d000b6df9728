/**
 * A thread beside the runner's main thread that notices when the main thread no longer comes round, and finds out at what.
 *
 * The main thread counts up a shared number every few milliseconds. When it stands still, this thread pauses the main thread
 * through the inspector, asks it for the current attempt and its place in the code, lets it go on, and says so to the agent,
 * which alone decides to end the process. A main thread that is inside one long native call cannot be paused: then only how
 * long it has been blocked is known.
 */
import { Session } from "node:inspector"
import { setTimeout as pause } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { workerData } from "node:worker_threads"
import { type AttemptRef, type RunnerWord, wordsFd } from "./protocol.ts"
import { writeSync } from "node:fs"

/** Milliseconds. */
const lookEvery = 50
const blockedAfter = 200
const askEvery = 500
const askTimeout = 1000
/** An orphan that is blocked cannot hand back what it has, and nobody else would ever end it: its lease gives its tasks back. */
const orphanBlockedFor = 3000

interface Frame {
  readonly callFrameId: string
  readonly functionName: string
  readonly url: string
  readonly location: { readonly scriptId: string; readonly lineNumber: number }
}

interface Found {
  readonly task?: AttemptRef
  readonly where?: string
}

/** False when nobody reads any more: the agent is gone. */
const say = (word: RunnerWord): boolean => {
  try {
    writeSync(wordsFd, `${JSON.stringify(word)}\n`)
    return true
  } catch {
    return false
  }
}

/** The first place that is nobody's library: `inner (/app/tasks.ts:42)`. */
const placeOf = (frames: ReadonlyArray<Frame>, urls: ReadonlyMap<string, string>): string | undefined => {
  const places = frames.map(({ functionName, location, url }) => ({ functionName, url: url || urls.get(location.scriptId) || "", line: location.lineNumber + 1 }))
  const own = places.find(({ url }) => url.startsWith("file:") && !url.includes("/node_modules/")) ?? places.find(({ url }) => url !== "")
  if (own === undefined) return undefined
  const file = own.url.startsWith("file:") ? fileURLToPath(own.url) : own.url
  return own.functionName === "" ? `${file}:${own.line}` : `${own.functionName} (${file}:${own.line})`
}

/** Stops the main thread for some milliseconds and asks. A session of its own each time: one that is open delays the exit. */
const ask = async (expression: string): Promise<Found> => {
  const session = new Session()
  const urls = new Map<string, string>()
  const post = (method: string, params?: object) => new Promise<any>((resolve, reject) => {
    session.post(method, params, (error, result) => error === null ? resolve(result) : reject(error))
  })
  session.connectToMainThread()
  try {
    session.on("Debugger.scriptParsed", ({ params }) => urls.set(params.scriptId, params.url))
    const paused = new Promise<ReadonlyArray<Frame>>((resolve) => {
      session.once("Debugger.paused", ({ params }) => resolve(params.callFrames as ReadonlyArray<Frame>))
    })
    await post("Debugger.enable")
    await post("Debugger.pause")
    const frames = await paused
    const { result } = await post("Debugger.evaluateOnCallFrame", { callFrameId: frames[0]!.callFrameId, expression, returnByValue: true })
    await post("Debugger.resume")
    const where = placeOf(frames, urls)
    return { ...(result.value !== undefined && { task: result.value as AttemptRef }), ...(where !== undefined && { where }) }
  } finally {
    session.disconnect()
  }
}

const { currentKey, ticks } = workerData as { readonly currentKey: string; readonly ticks: Int32Array }
const expression = `globalThis[Symbol.for(${JSON.stringify(currentKey)})]?.()`

let seen = Atomics.load(ticks, 0)
let since = performance.now()
let saidAt = -Infinity
for (;;) {
  await pause(lookEvery)
  const now = performance.now()
  const ticked = Atomics.load(ticks, 0)
  if (ticked !== seen) {
    if (saidAt > since) say({ _tag: "Free" })
    seen = ticked
    since = now
    continue
  }
  if (now - since < blockedAfter || now - saidAt < askEvery) continue
  // What it answers comes late when the block is over meanwhile, or never: in a native call there is nothing to pause.
  const found = await Promise.race([ask(expression).catch((): Found => ({})), pause(askTimeout, {} as Found)])
  if (Atomics.load(ticks, 0) !== seen) continue
  saidAt = performance.now()
  const blocked = Math.round(saidAt - since)
  if (!say({ _tag: "Blocked", blocked, ...found }) && blocked > orphanBlockedFor) process.kill(process.pid, "SIGKILL")
}
