/** The house rules, by name. */
import { arrows } from "./arrows.ts"
import { cycles } from "./cycles.ts"
import { documented } from "./documented.ts"
import { finished } from "./finished.ts"
import { promiseFace } from "./promiseFace.ts"
import { purity } from "./purity.ts"
import { size } from "./size.ts"
import type { Rule } from "./sources.ts"

export const rules: Readonly<Record<string, Rule>> = {
  "imports along the arrows": arrows,
  "no import cycle": cycles,
  "nothing of Effect in the promise face": promiseFace,
  "no clock and no chance in a core": purity,
  "files and functions of a readable size": size,
  "nothing unfinished": finished,
  "public exports are documented": documented
}
