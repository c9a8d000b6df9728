import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer as createHttpServer } from "node:http"
import { createServer, type AddressInfo } from "node:net"
import { once } from "node:events"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { createDatabase } from "../../test/database.ts"
import { handlers, outrigger, Sidecar } from "./support/processes.ts"

let databaseUrl = ""
let drop: () => Promise<void> = async () => {}
let folder = ""

beforeAll(async () => {
  ({ url: databaseUrl, drop } = await createDatabase())
  folder = mkdtempSync(join(tmpdir(), "outrigger-cli-"))
  chmodSync(folder, 0o755)
})
afterAll(async () => {
  await drop()
  rmSync(folder, { recursive: true, force: true })
})

const start = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}) =>
  outrigger(["start", "--port", "0", ...args], { DATABASE_URL: databaseUrl, ...env })

describe("the command line", () => {
  it("prints its version and its help", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
    assert.deepStrictEqual(await outrigger(["--version"]), { code: 0, out: `${version}\n`, err: "" })
    for (const args of [["--help"], ["help"], ["start", "--help"]]) {
      const { code, out } = await outrigger(args)
      assert.strictEqual(code, 0)
      assert.include(out, "outrigger start [options]")
      assert.include(out, "OUTRIGGER_KILL_AFTER")
    }
  })

  const wrong: ReadonlyArray<readonly [args: ReadonlyArray<string>, message: string]> = [
    [[], "Which command?"],
    [["strat"], 'There is no command "strat"'],
    [["start", "--prot", "1"], "Unknown option '--prot'"],
    [["start", "--port"], "Option '--port <value>' argument missing"],
    [["start", "now"], "Unexpected argument 'now'"],
    [["start", "--dispatch", "http://127.0.0.1:1"], "Unknown option '--dispatch'"],
    [["start", "--host", "0.0.0.0"], "so a token is needed"],
    [["health", "--url", "nowhere"], "--url is \"nowhere\""],
    [["start", "--schema", "My Jobs"], 'schema is "My Jobs", but must be 1 to 40 lower-case letters'],
    [["doctor"], "Which database?"],
    [["doctor", "--database-url", "postgres://localhost", "--schema", "pg_jobs"], 'schema is "pg_jobs", but must be'],
    [["doctor", "--database-url", "nowhere"], "--database-url must be a URL"]
  ]
  it.each(wrong)("exits with 2 at %j", async (args, message) => {
    const { code, err } = await outrigger(args)
    assert.strictEqual(code, 2)
    assert.include(err, message)
    assert.include(err, "See outrigger --help")
  })

  it("looks at the database: says what is wrong and what to do, for people and for machines", async () => {
    const { drop, url } = await createDatabase()
    const password = new URL(url).password
    try {
      const fresh = await outrigger(["doctor", "--database-url", url])
      assert.strictEqual(fresh.code, 1)
      assert.match(fresh.out, /FAIL {2}schema\n {6}There is no schema of Outrigger in this database\n {4}> Start the sidecar once/)
      assert.notInclude(fresh.out, `:${password}@`)
      const { code, out } = await outrigger(["doctor", "--json"], { DATABASE_URL: url })
      assert.strictEqual(code, 1)
      assert.deepInclude(JSON.parse(out).findings[0], { check: "schema", severity: "fail" })
    } finally {
      await drop()
    }
    const away = await outrigger(["doctor", "--database-url", "postgres://u:secret@127.0.0.1:1/x"])
    assert.strictEqual(away.code, 1)
    assert.include(away.out, "cannot be asked")
    assert.notInclude(away.out, "secret")
  })

  it("takes options from outrigger.config.ts", async () => {
    const cwd = join(folder, "configured")
    mkdirSync(cwd)
    writeFileSync(join(cwd, "outrigger.config.ts"), "export default { port: 'nine' as string }\n")
    const { code, err } = await outrigger(["start"], {}, cwd)
    assert.strictEqual(code, 2)
    assert.include(err, '"port" in the config file is "nine"')
  })
})

describe("a start that fails says why, and exits with 1", () => {
  it("when the port is in use, and by whom", async () => {
    const other = createHttpServer((_, response) => response.writeHead(200, { "content-type": "application/health+json" }).end("{}")).listen(0, "127.0.0.1")
    await once(other, "listening")
    const { port } = other.address() as AddressInfo
    const { code, err } = await start(["--port", String(port)])
    other.close()
    assert.strictEqual(code, 1)
    assert.include(err, `Port ${port} on 127.0.0.1 is in use by another process: stop it, or choose another port with --port (it is another Outrigger sidecar)`)
  })

  it("when the database stays down, after saying so meanwhile", async () => {
    const server = createServer().listen(0, "127.0.0.1")
    await once(server, "listening")
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, "close")
    const { code, err, out } = await start(["--startup-timeout", "1s"], { DATABASE_URL: `postgres://u:secret@127.0.0.1:${port}/x` })
    assert.strictEqual(code, 1)
    assert.include(out, `The database at postgres://u@127.0.0.1:${port}/x cannot be used`)
    assert.include(out, "trying again for 1 s")
    assert.match(err, /ECONNREFUSED[^]*Given up after \d s\. Check that PostgreSQL runs there, and DATABASE_URL/)
    assert.notInclude(out + err, "secret")
  })

  it("at once when the database refuses for good", async () => {
    const url = new URL(databaseUrl)
    url.pathname = "/there_is_none"
    const { code, err } = await start([], { DATABASE_URL: url.href })
    assert.strictEqual(code, 1)
    assert.match(err, /cannot be used: .*"there_is_none" does not exist \(3D000\)/)
  })

  const files: ReadonlyArray<readonly [name: string, message: RegExp]> = [
    ["not-there.ts", /There is no handlers file .*not-there\.ts: --tasks names it/],
    ["broken.ts", /The handlers file .*broken\.ts does not load: TypeError: Cannot read properties of undefined.*\n +at .*broken\.ts:3:\d+/],
    ["missing-module.ts", /missing-module\.ts does not load: Error: Cannot find module .*not-there\.ts/],
    ["none.ts", /none\.ts has no handlers: export by default a handler/],
    ["wrong.ts", /wrong\.ts exports an object with name, run at \[0\] of its default export: it must be a handler/],
    ["exits.ts", /ended its runner with process\.exit\(7\)/]
  ]
  it.each(files)("when the handlers file is %s", async (name, message) => {
    const { code, err } = await start(["--tasks", handlers(name)])
    assert.strictEqual(code, 1)
    assert.match(err, message)
  })

  it("when the handlers bring a second copy of effect", async () => {
    const project = join(folder, "second")
    const copy = join(project, "node_modules/effect")
    mkdirSync(copy, { recursive: true })
    const real = join(import.meta.dirname, "../../node_modules/effect")
    writeFileSync(join(copy, "package.json"), readFileSync(join(real, "package.json")))
    symlinkSync(join(real, "dist"), join(copy, "dist"))
    writeFileSync(join(project, "tasks.mjs"), 'import * as Layer from "effect/Layer"\nexport default Layer.empty\n')
    const { code, err } = await start(["--tasks", join(project, "tasks.mjs")])
    assert.strictEqual(code, 1)
    assert.include(err, `uses a second copy of effect:\n  ${copy}  (the handlers)\n  ${real}  (the sidecar)`)
    assert.include(err, "npm dedupe")
  })

  it("when the data folder is in use", async () => {
    const data = join(folder, "data")
    await using first = new Sidecar(["--data", data], {})
    await first.url()
    const { code, err } = await outrigger(["start", "--port", "0", "--data", data])
    assert.strictEqual(code, 1)
    assert.include(err, `in use by another sidecar (process ${first.child.pid})`)
    assert.strictEqual(await first.stop(), 0)
  })
})

describe("outrigger health", () => {
  const answering = async (status: number, body: string) => {
    const server = createHttpServer((_, response) => response.writeHead(status).end(body)).listen(0, "127.0.0.1")
    await once(server, "listening")
    const { port } = server.address() as AddressInfo
    return { url: `http://127.0.0.1:${port}`, [Symbol.dispose]: () => void server.close() }
  }
  const breaker = { "payments:breaker": [{ status: "warn", why: "breaker open" }], fine: [{ status: "pass" }] }

  const answers: ReadonlyArray<readonly [what: string, status: number, body: string, code: number, out: string]> = [
    ["pass", 200, '{"status":"pass","checks":{}}', 0, "pass\n"],
    ["warn, and why", 200, JSON.stringify({ status: "warn", checks: breaker }), 0, "warn\n  payments:breaker: warn (breaker open)\n"],
    ["fail", 503, '{"status":"fail"}', 1, "fail\n"],
    ["what is no sidecar", 200, "hello", 1, "what answers there is no sidecar"]
  ]
  it.each(answers)("tells %s", async (_, status, body, code, out) => {
    using server = await answering(status, body)
    const answer = await outrigger(["health", "--url", server.url])
    assert.strictEqual(answer.code, code)
    assert.include(answer.out, out)
  })

  it("exits with 1 when nobody answers", async () => {
    const { code, out } = await outrigger(["health"], { OUTRIGGER_URL: "http://127.0.0.1:1" })
    assert.strictEqual(code, 1)
    assert.include(out, "The sidecar at http://127.0.0.1:1 cannot be asked")
  })
})
