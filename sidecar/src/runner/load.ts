/**
 * Loads a handlers file: its default export is a handler, a schedule, a Layer, or an array of them, as ESM or CommonJS, TypeScript
 * too; its named exports may say what stands around them.
 */
import * as Data from "effect/Data"
import * as Layer from "effect/Layer"
import { PromiseTask } from "@outrigger/sdk"
import { existsSync, realpathSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { type Around, aroundOf, type Exports } from "./around.ts"

/** The handlers file cannot be used: names it, the cause, and what to do. */
export class HandlersError extends Data.TaggedError("HandlersError")<{ readonly message: string; readonly cause?: unknown }> {}

const shapes = "a handler (Task.make(...).handle(...)), a schedule (Task.make(...).schedule(...)), a Layer (Task.make(...).toLayer(...)), or an array of them"

/** Where in the file itself it went wrong, if there. */
const placeIn = (file: string, error: Error): string | undefined => {
  const names = [file, pathToFileURL(file).href]
  return (error.stack ?? "").split("\n").find((line) => names.some((name) => line.includes(`${name}:`)))?.trim()
}

const loadError = (file: string, cause: unknown): HandlersError => {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const place = placeIn(file, error)
  return new HandlersError({
    message: [
      `The handlers file ${file} does not load: ${error.name}: ${error.message}`,
      ...(place === undefined ? [] : [`  ${place}`]),
      "Mend it, and start again; --tasks names the file"
    ].join("\n"),
    cause
  })
}

/** `import` gives `module.exports` of CommonJS as the default; a compiled one has its default inside. */
const defaultOf = (module: Exports): unknown => {
  const exported = module.default
  const inner = exported as { readonly __esModule?: unknown; readonly default?: unknown } | null | undefined
  return typeof inner === "object" && inner !== null && inner.__esModule === true ? inner.default : exported
}

const effectOf = (from: string): string | undefined => {
  try {
    return dirname(realpathSync(createRequire(from).resolve("effect/package.json")))
  } catch {
    return undefined
  }
}

/** A Layer made by another copy of `effect` than the one that runs it shares nothing with it: services would not be found. */
const refuseSecondEffect = (file: string): void => {
  const ours = effectOf(fileURLToPath(import.meta.url))
  const theirs = effectOf(file)
  if (theirs === undefined || theirs === ours) return
  throw new HandlersError({
    message: `The handlers file ${file} uses a second copy of effect:\n  ${theirs}  (the handlers)\n  ${ours}  (the sidecar)\n`
      + "A Layer of one cannot run in the other. Install @outrigger/sidecar beside your handlers, and run \"npm dedupe\" so that both find one effect"
  })
}

const nameOf = (value: unknown): string => {
  if (value === null) return "null"
  if (typeof value === "function") return `the function ${value.name || "(anonymous)"}`
  return typeof value === "object" ? `an object with ${Object.keys(value).slice(0, 5).join(", ") || "nothing in it"}` : `${typeof value} ${String(value)}`
}

const layerOf = (file: string, value: unknown, place: string, around: Around): Layer.Layer<never> => {
  if (PromiseTask.isTaskHandler(value)) return PromiseTask.fromHandler(value, around.promise)
  if (PromiseTask.isTaskSchedule(value)) return Layer.orDie(PromiseTask.fromSchedule(value))
  if (Layer.isLayer(value)) {
    refuseSecondEffect(file)
    return value as unknown as Layer.Layer<never> // what it still needs, nobody could give it
  }
  throw new HandlersError({ message: `The handlers file ${file} exports ${nameOf(value)} ${place}: it must be ${shapes}` })
}

const importFile = async (file: string): Promise<Exports> => {
  if (!existsSync(file)) throw new HandlersError({ message: `There is no handlers file ${file}: --tasks names it` })
  try {
    return await import(pathToFileURL(file).href) as Exports
  } catch (cause) {
    throw loadError(file, cause)
  }
}

const readAround = (file: string, module: Exports, handlers: ReadonlyArray<unknown>): Around => {
  try {
    return aroundOf(module, handlers)
  } catch (cause) {
    throw new HandlersError({ message: `The handlers file ${file} ${(cause as Error).message}`, cause })
  }
}

/** What a handlers file comes to. */
export interface Loaded {
  readonly layers: ReadonlyArray<Layer.Layer<never>>
  /** Around Layers, and what is told: for the executor. What stands around promise handlers is in their layers. */
  readonly around: Around
}

/** All its handlers as layers; throws `HandlersError`. */
export const loadHandlers = async (file: string): Promise<Loaded> => {
  const module = await importFile(file)
  const exported = defaultOf(module)
  const items = Array.isArray(exported) ? exported.flat(Infinity) as ReadonlyArray<unknown> : exported === undefined ? [] : [exported]
  if (items.length === 0) {
    throw new HandlersError({ message: `The handlers file ${file} has no handlers: export by default ${shapes}` })
  }
  const around = readAround(file, module, items)
  const layers = items.map((item, index) => layerOf(file, item, Array.isArray(exported) ? `at [${index}] of its default export` : "by default", around))
  return { layers, around }
}
