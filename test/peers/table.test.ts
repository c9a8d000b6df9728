/** The tables of what went wrong elsewhere name tests of ours: they are all there. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"

const root = join(import.meta.dirname, "../..")

for (const [file, rowsAtLeast] of [["docs/peers-bugs.md", 33], ["docs/peers-bugs-tasks.md", 25]] as const) {
  const page = readFileSync(join(root, file), "utf8")
  const rows = [...page.matchAll(/^\| (?!what went wrong)(?<wrong>[^|]+) \| [^|]+ \| `(?<file>[^|`]+)` \| (?<title>[^|]+) \|$/gm)].map(({ groups }) => groups as Readonly<Record<string, string>>)

  describe(file, () => {
    it("is read whole", () => {
      assert.strictEqual(rows.length, page.split("\n").filter((line) => /^\| (?!what went wrong)/.test(line)).length)
      assert.isAtLeast(rows.length, rowsAtLeast)
    })

    it.each(rows.map(({ file, title, wrong }) => [wrong!, file!, title!]))("names a test that is there: %s", (_, file, title) => {
      const path = join(root, file)
      assert.isTrue(existsSync(path), `${file} is not there`)
      const titled = readFileSync(path, "utf8").split("\n").filter((line) => /^\s*(it|test|for)\b|^\s*"/.test(line))
      assert.isTrue(titled.some((line) => line.includes(JSON.stringify(title)) || line.includes(`\`${title}\``)), `${file} has no test "${title}"`)
    })
  })
}
