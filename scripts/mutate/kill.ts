/**
 * Stryker makes the mutants, all of a file in one instrumented copy, and runs for each the tests that reach it. What it is
 * told here and why:
 *
 * - no `tsconfig`: it would rewrite it through TypeScript's JavaScript API, which TypeScript 7 does not have;
 * - a configuration of its own for vitest: no PostgreSQL, only the tests of the core, chance from one seed;
 * - a mutant that hangs has died; the time it gets is long, so that a busy machine kills nobody.
 */
import { readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { Stryker } from "@stryker-mutator/core"
import { root } from "../rules/sources.ts"
import { type Fate, type Mutant, mutated } from "./score.ts"

type Options = ConstructorParameters<typeof Stryker>[0]
type Result = Awaited<ReturnType<Stryker["runMutationTest"]>>[number]

/** Stryker's other ends are those of mutants that cannot run at all. */
const fates: Readonly<Record<string, Fate>> = { Killed: "killed", Timeout: "hung", Survived: "alive", NoCoverage: "alive" }

const mutantOf = ({ fileName, location, replacement, status }: Result): ReadonlyArray<Mutant> => {
  const fate = fates[status]
  if (fate === undefined) return []
  const text = readFileSync(fileName, "utf8")
  return [{
    file: relative(root, fileName).replaceAll("\\", "/"),
    line: location.start.line,
    ...mutated(text, location, replacement ?? ""),
    fate
  }]
}

/** Every mutant of these files that can run, dead or alive. */
export const kill = async (files: ReadonlyArray<string>): Promise<ReadonlyArray<Mutant>> => {
  process.chdir(root)
  const stryker = new Stryker({
    mutate: [...files],
    testRunner: "vitest",
    vitest: { configFile: join("scripts", "mutate", "vitest.config.ts") },
    plugins: ["@stryker-mutator/vitest-runner"],
    tsconfigFile: "none",
    coverageAnalysis: "perTest",
    concurrency: 2,
    timeoutMS: 4000,
    timeoutFactor: 3,
    cleanTempDir: "always",
    reporters: process.stdout.isTTY ? ["progress"] : [],
    logLevel: "error" as NonNullable<Options["logLevel"]>,
    allowConsoleColors: false
  })
  return (await stryker.runMutationTest()).flatMap(mutantOf)
}
