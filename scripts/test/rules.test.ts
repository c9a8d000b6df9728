import { assert, describe, it } from "vitest"
import { examplesOf } from "../examples.ts"
import { rules } from "../rules/index.ts"
import { readSources, sourceOf } from "../rules/sources.ts"

type Files = Readonly<Record<string, string>>

const broken = (rule: string, files: Files) =>
  rules[rule]!(Object.entries(files).map(([file, text]) => sourceOf(file, text)))

/** What each rule must catch, and what it must let be. */
const cases: Readonly<Record<string, { readonly bad: ReadonlyArray<Files>; readonly good: ReadonlyArray<Files> }>> = {
  "imports along the arrows": {
    bad: [
      { "packages/postgres/src/A.ts": `import { Executor } from "@outrigger/executor"` },
      { "packages/executor/src/A.ts": `import "@outrigger/sidecar/work"` },
      { "packages/sdk/src/core/a.ts": `import "node:fs"` },
      { "packages/sdk/src/core/a.ts": `import "../promise/Api.ts"` },
      { "packages/sdk/src/promise/a.ts": `import * as Effect from "effect/Effect"` },
      { "packages/sdk/src/promise/a.ts": `export { x } from "../Task.ts"` },
      { "packages/sdk/src/testing/a.ts": `import "../TaskStore.ts"` },
      { "packages/sdk/src/testing/a.ts": `import "vitest"` },
      { "packages/sdk/src/A.ts": `import { Effect } from "effect"` },
      { "sidecar/src/a.ts": `const x = await import("effect/http")` },
      { "sidecar/src/a.ts": `import "../../packages/sdk/src/Task.ts"` },
      { "packages/sdk/src/A.ts": `import "../test/support.ts"` },
      { "examples/quickstart/a.ts": `import "@outrigger/sdk/src/Task.ts"` }
    ],
    good: [
      { "packages/postgres/src/A.ts": `import { TaskStore } from "@outrigger/sdk"\nimport * as Effect from "effect/Effect"` },
      { "sidecar/src/a.ts": `import { Executor } from "@outrigger/executor"\nimport { createServer } from "node:http"` },
      { "packages/sdk/src/promise/a.ts": `import "../core/call.ts"\nimport "node:async_hooks"` },
      { "packages/sdk/src/testing/a.ts": `import "../core/call.ts"\nimport "../promise/Task.ts"\nimport "./b.ts"` },
      { "examples/quickstart/a.ts": `import "@outrigger/sdk/promise"` }
    ]
  },
  "no import cycle": {
    bad: [{ "sidecar/src/a.ts": `import type { B } from "./b.ts"`, "sidecar/src/b.ts": `export { a } from "./a.ts"` }],
    good: [{ "sidecar/src/a.ts": `import { b } from "./b.ts"`, "sidecar/src/b.ts": "export const b = 1" }]
  },
  "nothing of Effect in the promise face": {
    bad: [
      { "packages/sdk/src/promise/index.ts": `export * from "./a.ts"`, "packages/sdk/src/promise/a.ts": `import type { Effect } from "effect/Effect"` },
      { "packages/sdk/src/testing/index.ts": `export * from "../core/a.ts"`, "packages/sdk/src/core/a.ts": `import type { Effect } from "effect/Effect"` }
    ],
    good: [{ "packages/sdk/src/promise/index.ts": `export * from "./a.ts"`, "packages/sdk/src/promise/a.ts": "export const a = 1", "packages/sdk/src/Api.ts": `import "effect/Effect"` }]
  },
  "no clock and no chance in a core": {
    bad: ["Date.now()", "new Date()", "performance.now()", "Math.random()", "setTimeout(f, 1)"].map((text) => ({ "packages/sdk/src/core/a.ts": `export const x = () => ${text}` })),
    good: [{ "packages/sdk/src/core/a.ts": "// Date.now() would be wrong\nexport const x = (now: number) => new Date(now)" }, { "packages/sdk/src/core/time/live.ts": "export const x = Date.now()" }]
  },
  "files and functions of a readable size": {
    bad: [{ "sidecar/src/a.ts": "export const a = 1\n".repeat(401) }, { "sidecar/src/a.ts": `export const f = () => {\n${"  f()\n".repeat(75)}}` }],
    good: [{ "sidecar/src/a.ts": `export const f = () => {\n${"  f()\n".repeat(60)}}` }, { "sidecar/test/a.test.ts": "f()\n".repeat(500) }]
  },
  "nothing unfinished": {
    bad: [{ "sidecar/test/a.test.ts": `it.only("x", () => {})` }, { "sidecar/test/a.test.ts": `describe.skip("x", () => {})` }, { "sidecar/src/a.ts": `// ${"TO"}${"DO"}: later` }],
    good: [{ "sidecar/test/a.test.ts": `it("only this", () => {})` }]
  },
  "public exports are documented": {
    bad: [{ "packages/sdk/src/Thing.ts": "export const thing = 1" }],
    good: [{ "packages/sdk/src/Thing.ts": "/** A thing. */\nexport const thing = 1" }, { "packages/sdk/src/internal/thing.ts": "export const thing = 1" }]
  }
}

describe("the house rules", () => {
  it("all have cases here", () => assert.sameMembers(Object.keys(cases), Object.keys(rules)))

  for (const [rule, { bad, good }] of Object.entries(cases)) {
    it(`${rule}: catches each break, names the place, and says what to do instead`, () => {
      for (const files of bad) {
        const [violation] = broken(rule, files)
        assert.isDefined(violation, JSON.stringify(files))
        assert.isTrue(violation!.file in files && violation!.line > 0 && violation!.instead !== "")
      }
      for (const files of good) assert.deepStrictEqual(broken(rule, files), [], JSON.stringify(files))
    })
  }

  it("look at every source of the house", () => {
    const files = readSources().map(({ file }) => file)
    for (const file of ["packages/sdk/src/core/call/call.ts", "packages/postgres/src/PgTaskStore.ts", "sidecar/src/bin.ts", "examples/quickstart/shop.ts"]) assert.include(files, file)
  })
})

describe("examples", () => {
  it("are found in pages, with their line, and known as those that run", () => {
    const page = "# T\n\n```ts run\nconsole.log(1) // => 1\n```\n\n```sh\nls\n```\n\n```ts\nconst x = 1\n```\n"
    assert.deepStrictEqual(examplesOf("README.md", page).map(({ line, runs }) => [line, runs]), [[4, true], [12, false]])
  })
  it("are found in doc comments", () => {
    const [example] = examplesOf("a.ts", "/**\n * Does it.\n *\n * @example\n * const x = 1\n *\n * use(x)\n */\nexport const f = 1\n")
    assert.deepStrictEqual(example, { file: "a.ts", line: 5, code: "const x = 1\n\nuse(x)\n", runs: false })
  })
})
