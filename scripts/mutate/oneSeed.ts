/** The same chance for every mutant, or the score would move by itself; and a death needs no smallest example. */
import { configureGlobal } from "fast-check"

configureGlobal({ seed: 1, endOnFailure: true })
