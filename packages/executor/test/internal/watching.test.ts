import { assert, describe, it } from "@effect/vitest"
import { type Look, strays } from "../../src/internal/watching.ts"

const look = (missing: Readonly<Record<string, string>>, claim: number, worker = "w"): Look =>
  ({ worker, claim, missing: new Map(Object.entries(missing)) })
const always = () => true

describe("strays", () => {
  it.each<readonly [string, ReadonlyArray<string>, Look | undefined, Look, (claim: number) => boolean]>([
    ["are held at two looks and never here", ["7"], look({ 7: "1" }, 3), look({ 7: "1", 8: "1" }, 4), always],
    ["are not known at the first look", [], undefined, look({ 7: "1" }, 4), always],
    ["are no tasks that were claimed anew between the looks", [], look({ 7: "1" }, 3), look({ 7: "2" }, 4), always],
    ["are no tasks of a claim that is still on its way", [], look({ 7: "1" }, 3), look({ 7: "1" }, 4), (claim) => claim < 3],
    ["are not told across a lost lease", [], look({ 7: "1" }, 3, "before"), look({ 7: "1" }, 4), always]
  ])("%s", (_, expected, before, now, answered) => assert.deepStrictEqual(strays(before, now, answered).map(({ id }) => id), expected))
})
