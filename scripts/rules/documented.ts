/** Every value that a module of the Effect face, or the promise face's door, exports says what it is for. */
import { lineAt, type Rule, type Violation } from "./sources.ts"

const isPublic = (file: string): boolean => /^packages\/[^/]+\/src\/[A-Z]\w+\.ts$/.test(file) || file === "packages/sdk/src/promise/createOutrigger.ts" || file === "packages/sdk/src/promise/Api.ts" || file === "packages/sdk/src/testing/TestKit.ts"

const declaration = /^export (?:declare )?(?:abstract )?(?:const|class|function) (\w+)/gm

export const documented: Rule = (sources) => sources.filter(({ file }) => isPublic(file)).flatMap(({ file, text }): ReadonlyArray<Violation> =>
  [...text.matchAll(declaration)].filter(({ index }) => !text.slice(0, index).trimEnd().endsWith("*/")).map((match) => ({
    file, line: lineAt(text, match.index), wrong: `exports ${match[1]} without a doc comment`, instead: "say what it does, when to use it, units and errors"
  })))
