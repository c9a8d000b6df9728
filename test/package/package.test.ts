/** What is published, used as its users use it: from tarballs, in empty projects outside the workspace. */
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join, resolve } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "vitest"

const root = resolve(import.meta.dirname, "../..")
const folder = mkdtempSync(join(tmpdir(), "outrigger-package-"))
const packages = { sdk: "packages/sdk", postgres: "packages/postgres", executor: "packages/executor", sidecar: "sidecar" } as const
const tarballs: Record<string, string> = {}
const environment = { ...process.env, NODE_OPTIONS: "", PATH: [join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter) }

const exec = async (cwd: string, command: string, ...args: ReadonlyArray<string>): Promise<string> => {
  try {
    return (await promisify(execFile)(command, [...args], { cwd, env: environment, maxBuffer: 1e8 })).stdout
  } catch (error) {
    const { message, stderr, stdout } = error as { readonly message: string; readonly stdout: string; readonly stderr: string }
    throw new Error(`${message}\n${stdout}\n${stderr}`, { cause: error })
  }
}

/** An empty project with these packages installed. */
const project = async (name: string, type: "module" | "commonjs", dependencies: ReadonlyArray<string>, files: Readonly<Record<string, string>>): Promise<string> => {
  const at = join(folder, name)
  mkdirSync(at, { recursive: true })
  writeFileSync(join(at, "package.json"), JSON.stringify({ name, private: true, type }))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(at, file), text)
  await exec(at, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", ...dependencies)
  return at
}

const bytesOf = (at: string): number => readdirSync(at, { withFileTypes: true }).reduce((sum, entry) =>
  sum + (entry.isDirectory() ? bytesOf(join(at, entry.name)) : statSync(join(at, entry.name)).size), 0)

const program = `
const outrigger = createOutrigger({ service: "shop" })
const api = outrigger.api("github", { timeout: "1 second" })
const main = async () => {
  const attempts = await api.call(async ({ attempt }) => attempt)
  const task = Task.make("t", { payload: { "~standard": { version: 1, vendor: "own", validate: (value) => ({ value }) } } })
  const { text } = outrigger.enqueueSql(task, { n: 1 })
  const loaded = globalThis.process.moduleLoadList.filter((name) => name.includes("/effect/"))
  console.log(JSON.stringify([attempts, api.state().breaker, text.includes("outrigger.enqueue"), loaded.length]))
  await outrigger.close()
}
main()`

beforeAll(async () => {
  await exec(root, "node", "scripts/build.ts")
  for (const [name, at] of Object.entries(packages)) {
    const [{ filename }] = JSON.parse(await exec(join(root, at), "npm", "pack", "--json", "--pack-destination", folder)) as [{ readonly filename: string }]
    tarballs[name] = join(folder, filename)
  }
}, 180_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("the published packages", () => {
  it("carry a licence, a readme, and everything that their exports name", async () => {
    for (const [name, at] of Object.entries(packages)) {
      const listing = (await exec(folder, "tar", "-tzf", tarballs[name]!)).split("\n")
      const { exports } = JSON.parse(readFileSync(join(root, at, "package.json"), "utf8")) as { readonly exports: unknown }
      const targets = JSON.stringify(exports).match(/"\.\/dist\/[^"]+"/g) ?? []
      assert.isNotEmpty(targets)
      for (const file of ["README.md", "LICENSE", "package.json", ...targets.map((text) => text.slice(3, -1))]) {
        assert.include(listing, `package/${file}`, `${name} lacks ${file}`)
      }
      assert.isEmpty(listing.filter((file) => /\/(src|test)\//.test(file)), `${name} carries sources`)
    }
  })

  it("sdk: the promise face works from ESM, CommonJS and typed, on every Node at hand, with nothing of Effect", async () => {
    const at = await project("promise", "module", [tarballs["sdk"]!], {
      "esm.mjs": `import { createOutrigger, Task } from "@outrigger/sdk/promise"\n${program}`,
      "cjs.cjs": `const { createOutrigger, Task } = require("@outrigger/sdk/promise")\n${program}`,
      "typed.ts": `import { createOutrigger, type Report } from "@outrigger/sdk/promise"
        const outrigger = createOutrigger({ service: "shop" })
        export const answer: Promise<number> = outrigger.api("x", { timeout: "1 second" }).call(({ attempt }) => attempt)
        export const report: Promise<Report> = outrigger.health()
        // @ts-expect-error units are in the type
        outrigger.api("y", { timeout: "1 secs" })`,
      "typed.cts": `import sdk = require("@outrigger/sdk/promise")
        export const answer: Promise<string> = sdk.createOutrigger({ service: "shop" }).api("x").call(() => "ok")`,
      "tsconfig.json": JSON.stringify({ compilerOptions: { module: "nodenext", strict: true, noEmit: true, skipLibCheck: false, lib: ["ES2023", "DOM"], types: [] }, include: ["*.ts", "*.cts"] })
    })
    assert.isFalse(existsSync(join(at, "node_modules/effect")))
    assert.isBelow(bytesOf(join(at, "node_modules")), 1_000_000)
    const system = process.env["PATH"]!.split(delimiter).filter((path) => !path.includes("node_modules")).map((path) => join(path, "node")).find((file) => existsSync(file))
    for (const node of ["node", ...(system === undefined ? [] : [system])]) {
      for (const file of ["esm.mjs", "cjs.cjs"]) assert.strictEqual((await exec(at, node, file)).trim(), '[1,"closed",true,0]', `${node} ${file}`)
    }
    await exec(at, "tsc", "-p", ".")
  }, 120_000)

  it("sdk: the test kit works from ESM, CommonJS and typed, with nothing of Effect, and throws the host's own errors", async () => {
    const kitProgram = `
const task = Task.make("t", { payload: { "~standard": { version: 1, vendor: "own", validate: (value) => ({ value }) } }, retry: { times: 1 } })
let calls = 0
const kit = createTestKit({ handlers: task.handle(() => { if (++calls === 1) throw new Error("down"); return calls }), now: 0 })
const own = createOutrigger({ service: "shop" })
const main = async () => {
  const detach = kit.attach(own)
  const id = await own.enqueue(task, { n: 1 }, { idempotencyKey: "k" })
  kit.assertEnqueued(task, { payload: { n: 1 } })
  const conflict = await own.enqueue(task, { n: 2 }, { idempotencyKey: "k" }).catch((error) => error)
  const { retried, succeeded } = await kit.drain({ with: "retries" })
  const lost = await own.task("99").catch((error) => error)
  detach()
  const loaded = globalThis.process.moduleLoadList.filter((name) => name.includes("/effect/"))
  console.log(JSON.stringify([retried, succeeded, kit.task(id).result, conflict instanceof IdempotencyConflict, lost instanceof TaskNotFound, kit.outrigger instanceof Outrigger, loaded.length]))
  await own.close()
}
main()`
    const names = "createOutrigger, IdempotencyConflict, Outrigger, Task, TaskNotFound"
    const at = await project("kit", "module", [tarballs["sdk"]!], {
      "esm.mjs": `import { ${names} } from "@outrigger/sdk/promise"\nimport { createTestKit } from "@outrigger/sdk/testing"\n${kitProgram}`,
      "cjs.cjs": `const { ${names} } = require("@outrigger/sdk/promise")\nconst { createTestKit } = require("@outrigger/sdk/testing")\n${kitProgram}`,
      "typed.ts": `import { Task, type StandardSchema } from "@outrigger/sdk/promise"
        import { createTestKit, type EnqueuedTask } from "@outrigger/sdk/testing"
        declare const schema: StandardSchema<{ readonly n: number }>
        const task = Task.make("t", { payload: schema, success: schema })
        const kit = createTestKit()
        export const found: EnqueuedTask<{ readonly n: number }> = kit.assertEnqueued(task, { payload: { n: 1 }, scheduledIn: "1 hour" })
        export const result: Promise<{ readonly n: number }> = kit.perform(task, { n: 1 })
        // @ts-expect-error a field that the payload does not have
        kit.assertEnqueued(task, { payload: { m: 1 } })`,
      "typed.cts": `import testing = require("@outrigger/sdk/testing")
        export const attempts: Promise<number> = testing.createTestKit().drain().then(({ attempts }) => attempts)`,
      "tsconfig.json": JSON.stringify({ compilerOptions: { module: "nodenext", strict: true, noEmit: true, skipLibCheck: false, lib: ["ES2023", "DOM"], types: [] }, include: ["*.ts", "*.cts"] })
    })
    for (const file of ["esm.mjs", "cjs.cjs"]) assert.strictEqual((await exec(at, "node", file)).trim(), "[1,1,2,true,true,true,0]", file)
    await exec(at, "tsc", "-p", ".")
  }, 120_000)

  it("sdk, postgres, executor: work beside Effect, and the sidecar's command says what it is", async () => {
    const at = await project("effect", "module", ["effect@4.1.0", ...Object.values(tarballs)], {
      "main.mjs": `
        import * as Effect from "effect/Effect"
        import * as Layer from "effect/Layer"
        import * as Schema from "effect/Schema"
        import { Api, Task, Tasks } from "@outrigger/sdk"
        import { Executor } from "@outrigger/executor"
        import { Migrations, PgTaskStore } from "@outrigger/postgres"
        import * as TestKit from "@outrigger/sdk/TestKit"
        class Cloudinary extends Api.Service()("cloudinary") {}
        const Greet = Task.make("greet", { payload: { name: Schema.String }, success: Schema.String })
        const handlers = Greet.toLayer(({ name }) => Cloudinary.call("greet", Effect.succeed("hello " + name)))
        const main = Executor.layer().pipe(Layer.provideMerge(Tasks.layerMemory), Layer.provide(handlers), Layer.provide(Cloudinary.layer))
        await Effect.runPromise(Effect.andThen(Greet.enqueue({ name: "Ada" }), TestKit.assertEnqueued(Greet)).pipe(Effect.provide(TestKit.layer)))
        console.log(await Effect.runPromise(Greet.execute({ name: "Ada" }).pipe(Effect.provide(main))), Migrations.release, typeof PgTaskStore.layer)`
    })
    const { version } = JSON.parse(readFileSync(join(root, "sidecar/package.json"), "utf8")) as { readonly version: string }
    assert.strictEqual((await exec(at, "node", "main.mjs")).trim(), `hello Ada ${version} function`)
    assert.include(await exec(at, "npx", "outrigger", "--version"), version)
    assert.include(await exec(at, "npx", "outrigger", "--help"), "start")
  }, 240_000)
})
