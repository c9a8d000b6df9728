/** Imports go along the arrows of the house only. */
import { isSource, type Rule, type Source, target, type Violation } from "./sources.ts"

/** Which workspace packages a folder may name. */
const allowed: ReadonlyArray<readonly [folder: RegExp, packages: ReadonlyArray<string>]> = [
  [/^packages\/[^/]+\//, ["@outrigger/sdk"]],
  [/^sidecar\//, ["@outrigger/sdk", "@outrigger/postgres", "@outrigger/executor"]],
  [/^test\//, ["@outrigger/sdk", "@outrigger/postgres", "@outrigger/executor", "@outrigger/sidecar"]],
  [/^examples\//, ["@outrigger/sdk", "@outrigger/postgres", "@outrigger/executor", "@outrigger/sidecar"]],
  [/^scripts\//, []]
]

const folderOf = (file: string): string => /^(packages\/[^/]+|examples\/[^/]+|[^/]+)\//.exec(file)?.[1] ?? file

const isSdk = (file: string, part: string): boolean => file.startsWith(`packages/sdk/src/${part}/`)

const insideSdk = (source: Source, at: string): string | undefined => {
  if (isSdk(source.file, "core") && !isSdk(at, "core")) return "core/ imports nothing but core/: hand in what it needs"
  if (isSdk(source.file, "promise") && !isSdk(at, "core") && !isSdk(at, "promise")) return "promise/ imports core/ and itself: it must work without Effect"
  if (isSdk(source.file, "testing") && !["core", "promise", "testing"].some((part) => isSdk(at, part))) return "testing/ imports core/, promise/ and itself: it must work without Effect"
  return undefined
}

const check = (source: Source, specifier: string): string | undefined => {
  const { file } = source
  const at = target(source, specifier)
  if (at !== undefined) {
    if (!isSource(source) && !file.startsWith("examples/")) return undefined // tests reach what they test
    if (folderOf(at) !== folderOf(file)) return "import the package by its name"
    return isSource(source) && /\/test\//.test(at) ? "sources do not import tests" : insideSdk(source, at)
  }
  const own = /^(@outrigger\/[^/]+)(\/.*)?$/.exec(specifier)
  if (own !== null) {
    const packages = allowed.find(([folder]) => folder.test(file))?.[1] ?? []
    const selfTest = file.includes("/test/") && file.startsWith("packages/")
    if (own[2]?.startsWith("/src")) return "import the package's public entry"
    return packages.includes(own[1]!) || selfTest ? undefined : `only ${packages.join(", ") || "no workspace package"} may be imported here: see CONTRIBUTING.md`
  }
  if (!isSource(source)) return undefined
  if (isSdk(file, "core")) return "core/ has no dependency, not even on Node: use its ports"
  if ((isSdk(file, "promise") || isSdk(file, "testing")) && !specifier.startsWith("node:")) return "the promise face has no dependency"
  return specifier === "effect" || /^effect\/(http|http-api|sql|testing)$/.test(specifier) ? "import the module itself, such as effect/Effect: the barrel costs 150 ms" : undefined
}

export const arrows: Rule = (sources) => sources.flatMap((source) => source.imports.flatMap(({ line, specifier }): ReadonlyArray<Violation> => {
  const instead = check(source, specifier)
  return instead === undefined ? [] : [{ file: source.file, line, wrong: `imports ${specifier}`, instead }]
}))
